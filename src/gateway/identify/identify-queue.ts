// The port to identify slots: which shard may identify when. One queue serves every shard of a bot.
// Source: Discord's documentation, Gateway › Rate Limiting, Session Start Limit Object.

import type { Clock } from "../../flow/clock.ts"

/** How many sessions the bot may start. */
export interface SessionStartLimit {
  readonly total: number
  readonly remaining: number
  readonly resetAfterMs: number
  readonly maxConcurrency: number
}

/** Where a shard stands in the line, and what it is known by there: two sets of shards have ids in common. */
export interface LinePlace {
  readonly slot: number
  /** It comes up beside the bot's own, and leaves these as many identifies again as are kept in reserve. */
  readonly isBeside: boolean
}

export interface IdentifyQueue {
  /**
   * Resolves when `shardId` may identify; the slot is used up then.
   * @param place by default that of the bot's shard of that id
   * @throws the signal's reason when it aborts first; the place is given up.
   */
  turn(shardId: number, signal: AbortSignal, place?: LinePlace): Promise<void>
}

export interface IdentifyQueueOptions {
  readonly clock: Clock
  readonly random: () => number
  /** Asks Discord. May reject: it is asked again. */
  readonly startLimit: () => Promise<SessionStartLimit>
  /** Identifies of the day's budget that are never used. */
  readonly reserve: number
  /** Told why the queue stands still, and for how long. */
  readonly onWait: (reason: string, delayMs: number) => void
  /** Identifies that Discord still allows. */
  readonly onBudget: (remaining: number) => void
}
