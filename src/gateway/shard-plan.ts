// Who decides which shards this process runs: the configuration, and Discord's recommendation where it says nothing.

import type { LedgerShards } from "./fleet/ledger.ts"
import type { GatewayBot } from "./gateway-bot.ts"
import type { ShardSet } from "./shard-set.ts"

export interface ShardPlan {
  /** The bot's shards over all processes. */
  readonly count: number
  /** Those of this process, ascending. */
  readonly ids: readonly number[]
}

export interface WantedShards {
  readonly count?: number
  readonly ids?: readonly number[]
}

export interface PlannedShards {
  readonly plan: ShardPlan
  /** Sentences for the operator about what Discord may refuse. */
  readonly warnings: readonly string[]
}

/**
 * @param wanted `shards.count` and `shards.ids`; ids are smaller than the count.
 * Source: Gateway › Sharding for Very Large Bots (the count must be a multiple of the assigned number, which is the
 * recommended one).
 */
export function planShards(wanted: WantedShards, { shards, startLimit }: GatewayBot): PlannedShards {
  const count = wanted.count ?? shards
  const ids = wanted.ids ?? Array.from({ length: count }, (_, id) => id)
  const warnings: string[] = []
  if (startLimit.maxConcurrency > 1 && count % startLimit.maxConcurrency !== 0) {
    warnings.push(
      `shards.count is ${count}, and Discord may refuse it (4010): a very large bot needs a multiple of ${startLimit.maxConcurrency}.`,
    )
  }
  if (count < shards) {
    warnings.push(
      `shards.count is ${count} and Discord recommends ${shards}: it may refuse so few (4011) once a shard has 2,500 guilds.`,
    )
  }
  return { plan: { count, ids }, warnings }
}

/**
 * The set that the bot has, where its processes share it. Who joins others runs as many shards as they do, also when Discord
 * recommends another number by now. A bot that was resharded keeps its new set after that for as long as the configuration
 * says what it said then, or the new count: with another one it begins anew.
 * @param count `shards.count`
 * @returns null where the configuration or Discord decides
 */
export function sharedSet(count: number | undefined, shards: LedgerShards | null): ShardSet | null {
  if (shards === null) return null
  const { set, hasMembers, configured } = shards
  if (configured === null) return count === undefined && hasMembers ? set : null
  return count === undefined || count === configured || count === set.count ? set : null
}
