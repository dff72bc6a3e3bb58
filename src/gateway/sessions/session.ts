// What a shard needs to resume after a restart, and the port to where it is kept. All of it is one value, written
// together: a sequence is meaningless beside another session's id.

export interface Session {
  readonly shard: number
  readonly shardCount: number
  readonly sessionId: string
  /** null where READY gave no usable URL: the gateway's own is dialled. */
  readonly resumeUrl: string | null
  /** Every event up to this sequence is confirmed by the broker. */
  readonly sequence: number
  /** Resumes in a row that failed; counts on after a restart. */
  readonly resumeFailures: number
  /** When Discord began it, in Unix milliseconds; absent where an earlier version stored it. For people only. */
  readonly startedMs?: number
  /** With which it was begun; absent where an earlier version stored it. */
  readonly intents?: number
}

export interface SessionStore {
  /** The session stored for this shard, or null. */
  load(shard: number): Promise<Session | null>
  /** Replaces what is stored for these shards, each as a whole. */
  save(sessions: readonly Session[]): Promise<void>
  /** Forgets a shard's session. */
  drop(shard: number): Promise<void>
  close(): Promise<void>
}
