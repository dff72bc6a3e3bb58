// The gateway's settings of its shards: which run here, and when they may identify.

import { MAX_SHARDS, shardCount, shardIds } from "./discord-values.ts"
import { formatDuration } from "./duration.ts"
import { optional, setting } from "./settings.ts"
import { choice, decimal, duration, integer } from "./values.ts"

const MAX_WEIGHT = 1_000
/** A process at rest uses about a hundredth. */
const LEAST_LOAD = 0.05
/** Above the daily identifies of the largest bots. */
const MAX_IDENTIFY_RESERVE = 100_000
/**
 * Of 1,000 identifies a day, 50 stay unused: enough to start a bot by hand a few dozen times after something went wrong,
 * few enough that a bot of 900 shards can still start all of them.
 */
const IDENTIFY_RESERVE = 50

export const SHARD_SETTINGS = {
  "shards.count": setting({
    about:
      "The bot's shards over all processes. `0`: as many as Discord recommends. `auto`: as well, and twice as many when the bot has outgrown them, without downtime ([resharding](resharding.md)); needs `shards.ownership` `redis`.",
    variables: ["DISCORD_SHARD_COUNT"],
    schema: shardCount(),
    fallback: 0,
  }),
  "shards.ids": optional({
    about: 'Those that this process runs: `[0, 1]`, `["0-15"]`, `0-15,20`. Without it, all. Needs `shards.count`.',
    variables: ["DISCORD_SHARD_IDS"],
    schema: shardIds(),
  }),
  "shards.ownership": setting({
    isOwn: true,
    about:
      "Who says which shards run here: `config`, the two settings above, or `redis`, leases that every process of the bot shares, so that the shards spread by themselves and move by resume. Needs `shard_store.type` `redis`. See [scaling](scaling.md).",
    variables: ["DISCORD_SHARD_OWNERSHIP"],
    schema: choice(["config", "redis"]),
    fallback: "config",
  }),
  "shards.lease": setting({
    isOwn: true,
    about: "After so long without a sign of life a process's shards go to others. From 1 s to 60 s.",
    variables: ["DISCORD_SHARD_LEASE"],
    schema: duration(),
    fallback: "10s",
    print: formatDuration,
  }),
  "shards.reshard_skew": setting({
    isOwn: true,
    about:
      "By how much one session may get an event later than another, while guilds change hands in a [reshard](resharding.md). What one holds back and remembers is 3 to 5 times as long. From 100 ms to 60 s; the same in every process.",
    variables: ["DISCORD_SHARD_RESHARD_SKEW"],
    schema: duration(),
    fallback: "10s",
    print: formatDuration,
  }),
  "shards.max": optional({
    isOwn: true,
    about: "Shards that this process takes at most, with `shards.ownership` `redis`.",
    variables: ["DISCORD_SHARD_MAX"],
    schema: integer(0, MAX_SHARDS),
  }),
  "shards.max_load": optional({
    isOwn: true,
    about:
      "How much of one CPU this process may use, such as `0.7`, before it takes no more shards as long as other processes have room, with `shards.ownership` `redis`. It keeps those that it has. See [scaling](scaling.md#how-much-a-process-takes).",
    variables: ["DISCORD_SHARD_MAX_LOAD"],
    schema: decimal(LEAST_LOAD, 1),
  }),
  "shards.weight": setting({
    isOwn: true,
    about:
      "This process's share of the shards, against the weights of the others: one of `2` gets twice as many as one of `1`.",
    variables: ["DISCORD_SHARD_WEIGHT"],
    schema: integer(1, MAX_WEIGHT),
    fallback: 1,
  }),
  "identify.reserve": setting({
    isOwn: true,
    about:
      "How many of the day's identifies are never used. Discord resets the token of a bot that uses up all of them, usually 1,000; the gateway waits for the next day instead. 50 leave room for starting it by hand, and let 900 shards start in one day.",
    variables: ["DISCORD_IDENTIFY_RESERVE"],
    schema: integer(0, MAX_IDENTIFY_RESERVE),
    fallback: IDENTIFY_RESERVE,
  }),
  "identify.queue": optional({
    isOwn: true,
    otherwise: "by store",
    about:
      "Who gives the slots in which shards may identify, of which Discord allows so many every 5 s: `memory`, this process to its own shards, or `redis`, one queue for every process of the bot. By default `redis` where `shard_store.type` is, else `memory`.",
    variables: ["DISCORD_IDENTIFY_QUEUE"],
    schema: choice(["memory", "redis"]),
  }),
} as const
