// The simulated world of one seed: the bot, its guilds and its direct message channels. Guilds are made when first
// looked at, each from its own stream of the seed, so that a world of thousands costs nothing until it is used.

import { DISCORD_EPOCH_MS, shardOf } from "../../discord/snowflake.ts"
import { type Guild, guildId, makeGuild } from "./guild.ts"
import { snowflake } from "./ids.ts"
import { type Random, seededRandom } from "./random.ts"
import { makeUser, type User } from "./user.ts"

export interface World {
  readonly bot: User
  readonly guildIds: readonly string[]
  /** A user that writes to the bot privately, and the channel of that. */
  readonly directMessages: readonly { readonly channelId: string; readonly user: User }[]
  /** Undefined for an id that is not of this world. */
  guild(id: string): Guild | undefined
  guildIdsOf(shard: number, shardCount: number): readonly string[]
  /** From now on the guild of that id is this one: what a bot changed over REST. */
  replaceGuild(guild: Guild): void
}

export interface WorldOptions {
  readonly seed: number
  readonly guilds: number
  /** Members of each guild; without it sizes vary, most guilds being small. */
  readonly membersPerGuild?: number
  /** "Now" when the world was made, in Unix ms. */
  readonly nowMs?: number
}

/** 2026-08-01T00:00:00Z */
export const WORLD_START_MS = 1_785_542_400_000

const FIRST_GUILD_MS = DISCORD_EPOCH_MS + 100 * 86_400_000
/**
 * Guilds are made one millisecond apart modulo this number (the least common multiple of 1 to 16), so that every usual
 * number of shards gets an equal share, a small world too.
 */
const SPREAD_MS = 720_720
const SPREADS = 400_000
const DIRECT_MESSAGE_CHANNELS = 5

export function makeWorld({ seed, guilds, membersPerGuild, nowMs = WORLD_START_MS }: WorldOptions): World {
  const random = seededRandom(seed, "world")
  const bot: User = { ...makeUser(random, nowMs - 31_536_000_000), username: "spectacles", bot: true, public_flags: 0 }
  const guildIds = Array.from({ length: guilds }, (_, index) =>
    guildId(random, FIRST_GUILD_MS + index + SPREAD_MS * random.below(SPREADS)),
  )
  const positions = new Map(guildIds.map((id, index) => [id, index]))
  const directMessages = Array.from({ length: DIRECT_MESSAGE_CHANNELS }, () => ({
    channelId: snowflake(nowMs - random.below(31_536_000_000), random),
    user: makeUser(random, nowMs - random.below(31_536_000_000)),
  }))
  const made = new Map<string, Guild>()
  const guild = (id: string) => {
    const known = made.get(id)
    const position = positions.get(id)
    if (known !== undefined || position === undefined) return known
    const stream = seededRandom(seed, 1 + position)
    const memberCount = membersPerGuild ?? guildSize(stream)
    const fresh = makeGuild(stream, { id, bot, memberCount, nowMs })
    made.set(id, fresh)
    return fresh
  }
  return {
    bot,
    guildIds,
    directMessages,
    guild,
    replaceGuild: (changed) => void made.set(changed.id, changed),
    guildIdsOf: (shard, shardCount) => guildIds.filter((id) => shardOf(id, shardCount) === shard),
  }
}

/** 5 to 90 members, the larger the rarer. */
function guildSize(random: Random): number {
  return Math.round(5 * 18 ** (random.next() * random.next()))
}
