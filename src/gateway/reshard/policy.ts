// How many shards a bot should have, and what going there costs.
// Source: Gateway › Sharding (2,500 guilds a shard at most), Sharding for Very Large Bots, Session Start Limit Object.

import type { SessionStartLimit } from "../identify/identify-queue.ts"
import { IDENTIFY_WINDOW_MS, NETWORK_MARGIN_MS } from "../identify/limits.ts"
import { pairCount } from "./pairs.ts"

/** Discord refuses more guilds on a shard (4011). */
export const MOST_GUILDS_A_SHARD = 2_500
/** `auto` reshards well before: the way there takes time, and guilds go on being added. */
export const AUTO_GUILDS_A_SHARD = 1_800

/**
 * The count that `auto` goes to: the present one doubled until a shard has few enough guilds, since then each new shard takes
 * over from one old shard alone. Null while there are few enough.
 * @param maxConcurrency very large bots must have a multiple of it
 */
export function autoCount(count: number, guilds: number, maxConcurrency: number): number | null {
  if (guilds <= count * AUTO_GUILDS_A_SHARD) return null
  let next = count
  while (guilds > next * AUTO_GUILDS_A_SHARD) next *= 2
  return Math.ceil(next / maxConcurrency) * maxConcurrency
}

export interface ReshardCost {
  /** Sessions to start, each of the day's budget. */
  readonly identifies: number
  /** From the first to the last of them, at the pace that Discord allows and within one day's budget. */
  readonly openingMs: number
  /** Agreements between an old and a new shard. */
  readonly handOvers: number
  /** Whether the budget that is left suffices without its reserve; else the rest waits for the next day. */
  readonly fitsBudget: boolean
}

export function reshardCost(from: number, to: number, limit: SessionStartLimit, reserve: number): ReshardCost {
  const turns = Math.ceil(to / limit.maxConcurrency)
  return {
    identifies: to,
    openingMs: (turns - 1) * (IDENTIFY_WINDOW_MS + NETWORK_MARGIN_MS),
    handOvers: pairCount(from, to),
    fitsBudget: limit.remaining - to >= reserve,
  }
}

/** Why a bot cannot go from one count to the other, in one sentence; null when it can. */
export function whyNot(from: number, to: number, guilds: number, maxConcurrency: number): string | null {
  const cannot = `Cannot reshard from ${from} to ${to} shards`
  if (from === to) return `${cannot}: that is what the bot has.`
  if (guilds > to * MOST_GUILDS_A_SHARD) {
    const least = Math.ceil(guilds / MOST_GUILDS_A_SHARD)
    return `${cannot}: the bot is in ${guilds} guilds, and Discord allows ${MOST_GUILDS_A_SHARD} a shard; take ${least} or more.`
  }
  if (maxConcurrency > 1 && to % maxConcurrency !== 0) {
    return `${cannot}: Discord takes only multiples of ${maxConcurrency} from this bot; take ${Math.ceil(to / maxConcurrency) * maxConcurrency}.`
  }
  return null
}
