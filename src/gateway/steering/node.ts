// The port to one gateway process as an operator sees and steers it: what its shards do, and the orders it takes. A process
// without leases has no hand-over: it shows its shards and restarts them, and refuses the rest with a sentence.

import type { Phase } from "../protocol/state.ts"

/** One shard as an operator sees it. Times are Unix milliseconds, so that reports of several machines can stand together. */
export interface ShardReport {
  readonly shard: number
  /** Of its set, of which a bot has two while it is resharded; absent in reports of earlier versions. */
  readonly count?: number
  readonly phase: Phase
  readonly sessionId: string | null
  /** When Discord began the session, in whichever process that was; null while there is none, or where nobody kept it. */
  readonly sessionStartedMs: number | null
  readonly sequence: number
  readonly latencyMs: number | null
  readonly eventsPerSecond: number
  /** When the connection ended last, and why. */
  readonly lastDown: { readonly atMs: number; readonly reason: string } | null
}

export interface NodeReport {
  /** Unique among the processes of a bot; the owner that a lease names. */
  readonly node: string
  /** Of the whole bot; null before Discord has told how to connect. */
  readonly shardCount: number | null
  /** It hands its shards over and takes none. */
  readonly draining: boolean
  readonly shards: readonly ShardReport[]
}

/** `refused`: nothing was changed; the sentence says why, and what would be right. */
export type OrderResult = { readonly type: "done" } | { readonly type: "refused"; readonly reason: string }

/** What can be ordered of a process; its name is that of the command. */
export type Order =
  /** Hand over every shard and take none any more. Done once the last is gone. */
  | { readonly type: "drain" }
  /** Hand one shard to another process. Done once it was released for it. */
  | { readonly type: "move"; readonly shard: number; readonly to: string }
  /** Close the shard's connection resumably and resume. Done once it is closed. */
  | { readonly type: "restart"; readonly shard: number }

export interface SteeredNode {
  readonly node: string
  report(): NodeReport
  obey(order: Order): Promise<OrderResult>
}

/** What a fleet with leases gives for the orders that only it can obey. */
export interface HandOver {
  readonly node: string
  readonly draining: boolean
  drain(): Promise<OrderResult>
  /** @param to the name of another process; whether it lives is for the leases to know */
  move(shard: number, to: string): Promise<OrderResult>
}
