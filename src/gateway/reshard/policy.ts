// How many shards a bot should have, and what going there costs.
// Source: Gateway › Sharding (2,500 guilds a shard at most), Sharding for Very Large Bots, Session Start Limit Object.

import type { SessionStartLimit } from "../identify/identify-queue.ts"
import { BESIDE_RESERVES, IDENTIFY_WINDOW_MS, NETWORK_MARGIN_MS } from "../identify/limits.ts"
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
  /** Whether the budget that is left suffices without what is kept of it; else the rest waits for the next day. */
  readonly fitsBudget: boolean
}

export function reshardCost(from: number, to: number, limit: SessionStartLimit, reserve: number): ReshardCost {
  const turns = Math.ceil(to / limit.maxConcurrency)
  return {
    identifies: to,
    openingMs: (turns - 1) * (IDENTIFY_WINDOW_MS + NETWORK_MARGIN_MS),
    handOvers: pairCount(from, to),
    fitsBudget: limit.remaining - to >= BESIDE_RESERVES * reserve,
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

export interface ReshardFacts {
  readonly from: number
  /** Null where Discord does not say. */
  readonly guilds: number | null
  readonly maxConcurrency: number
  /** Shards that the gateways take at most, all together. */
  readonly capacity: number
}

/** `enough`: `auto` was asked for, and the bot has not outgrown its shards. */
export type ReshardChoice =
  | { readonly type: "reshard"; readonly to: number }
  | { readonly type: "enough"; readonly reason: string }
  | { readonly type: "refused"; readonly reason: string }

/** Where to go, from what an operator or the configuration wants. */
export function chooseCount(wanted: number | "auto", facts: ReshardFacts): ReshardChoice {
  const { from, guilds, maxConcurrency, capacity } = facts
  if (wanted === "auto" && guilds === null) {
    const reason =
      "Cannot tell how many shards the bot needs: Discord does not say in how many guilds it is; give --count N."
    return { type: "refused", reason }
  }
  const to = wanted === "auto" ? autoCount(from, guilds ?? 0, maxConcurrency) : wanted
  if (to === null) {
    const reason = `The bot has ${from} shards for ${guilds} guilds: enough up to ${from * AUTO_GUILDS_A_SHARD}.`
    return { type: "enough", reason }
  }
  const reason = whyNot(from, to, guilds ?? 0, maxConcurrency) ?? whyNoRoom(from, to, capacity)
  return reason === null ? { type: "reshard", to } : { type: "refused", reason }
}

/** Both sets run at once for a while. */
function whyNoRoom(from: number, to: number, capacity: number): string | null {
  if (capacity >= from + to) return null
  return `Cannot reshard from ${from} to ${to} shards: both sets run side by side, ${from + to} shards, and the gateways take ${capacity}; raise shards.max, or start another gateway.`
}
