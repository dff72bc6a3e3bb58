// The port to the line that all processes of a bot stand in for identify slots. It is one state, changed in atomic steps, by
// one clock: the Redis adapter runs the steps as scripts (redis-line.ts); tests run the same steps in memory.
//
// For each key `shard_id % max_concurrency` the line has places, lower shards first, and a time until which the key is busy.
// Whoever is first takes the slot when the key is free. That makes the key busy for longer than needed: until the holder must
// have identified at the latest, and a window more. Once it has identified it says so, which leaves the window. A holder that
// crashed says nothing, and its turn passes on by itself. So does a place: it lapses unless it is renewed.

import type { LinePlace, SessionStartLimit } from "../identify-queue.ts"
import { IDENTIFY_WINDOW_MS, NETWORK_MARGIN_MS } from "../limits.ts"

/** A granted slot that is older than this, seen from before it was asked for, is not used but given back. */
export const USE_WITHIN_MS = 2_000
/** From an identify that left to the next one's slot. */
export const BUSY_MS = IDENTIFY_WINDOW_MS + NETWORK_MARGIN_MS
/** From a slot to the next one, when its holder says nothing. */
export const HOLD_MS = USE_WITHIN_MS + BUSY_MS
/** A place lapses after this long without being renewed. */
export const PLACE_MS = 7_000
/** For so long one process alone asks Discord for the budget. Longer than that may take (gateway-bot.ts). */
export const READING_MS = 20_000

/** `slot:process:number`, with the shard's id behind where that is another number, and `beside` for a shard that is not the bot's own. */
export function ticketOf({ slot, isBeside }: LinePlace, process: string, number: number, shardId: number): string {
  const ticket = `${slot}:${process}:${number}`
  if (slot === shardId) return ticket
  return isBeside ? `${ticket}:${shardId}:beside` : `${ticket}:${shardId}`
}

export interface LineRequest {
  /** Those that have identified with their slot since. */
  readonly used: readonly string[]
  /** Those that left the line, or did not use their slot. */
  readonly gone: readonly string[]
  /** Every place that is still wanted, by its ticket. */
  readonly waiting: readonly string[]
  /** Identifies of the day's budget that are never used; shards that come up beside the bot's own leave twice as many. */
  readonly reserve: number
}

export interface LineReply {
  /**
   * `open`: slots are given. `read`: the budget is not known, and the caller is to ask Discord for it. `reading`: another
   * process does. `spent`: only the reserve is left.
   */
  readonly status: "open" | "read" | "reading" | "spent"
  /** When to ask again at the latest, for a slot, the budget or its reset; null when only others can change anything. */
  readonly waitMs: number | null
  /** Of the day's identifies; null before they are known. */
  readonly budget: { readonly remaining: number; readonly total: number } | null
  readonly granted: readonly string[]
  /** Places that were lost since their shard identified too often. */
  readonly broken: readonly { readonly ticket: string; readonly waitMs: number }[]
}

export interface IdentifyLine {
  sync(request: LineRequest): Promise<LineReply>
  /** What Discord said, after `read`. */
  budget(limit: SessionStartLimit): Promise<void>
  /** Discord said nothing, after `read`: nobody asks it for so long. */
  postpone(delayMs: number): Promise<void>
}
