// The rules that every identify queue keeps, whoever shares it.

import type { BackoffOptions } from "../../flow/backoff.ts"

/** Each key `shard_id % max_concurrency` may identify once in this time. */
export const IDENTIFY_WINDOW_MS = 5_000
/** Discord counts when an identify arrives, we when it leaves: the difference is allowed for. */
export const NETWORK_MARGIN_MS = 250
/** Others use the day's budget too: it is asked for again after this long. */
export const BUDGET_AGE_MS = 60_000
export const BUDGET_RETRY: BackoffOptions = { baseMs: 1_000, capMs: 60_000 }
/** The breaker: a shard that identifies more often than this is broken, and must not use up the day's budget. */
export const BREAKER = { limit: 5, windowMs: 10 * 60_000 } as const

/** So many reserves do shards leave that come up beside the bot's own: these may have to identify again on that day. */
export const BESIDE_RESERVES = 2

/** Why a shard that the breaker stops does not identify. */
export function breakerReason(shardId: number): string {
  return `shard ${shardId} has identified ${BREAKER.limit} times in ${BREAKER.windowMs / 60_000} minutes`
}

/** Why nobody identifies at the end of the day's budget. */
export function reserveReason(remaining: number, total: number, reserve: number): string {
  return `${remaining} of the day's ${total} identifies are left, and ${reserve} are kept in reserve`
}

/** Why nobody identifies before the budget is known. */
export function unreadReason(error: unknown): string {
  return `the session start limit could not be read (${String(error)})`
}
