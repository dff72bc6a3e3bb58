// The port to identify slots: which shard may identify when. One queue serves every shard of a bot.
// Source: Discord's documentation, Gateway › Rate Limiting, Session Start Limit Object.

/** How many sessions the bot may start. */
export interface SessionStartLimit {
  readonly total: number
  readonly remaining: number
  readonly resetAfterMs: number
  readonly maxConcurrency: number
}

export interface IdentifyQueue {
  /**
   * Resolves when `shardId` may identify; the slot is used up then.
   * @throws the signal's reason when it aborts first; the place is given up.
   */
  turn(shardId: number, signal: AbortSignal): Promise<void>
}

/** Each key `shard_id % max_concurrency` may identify once in this time. */
export const IDENTIFY_WINDOW_MS = 5_000
