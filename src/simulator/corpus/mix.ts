// Which event comes next, and what is in it. The weights are those of a bot with every intent: presences and messages
// above all, now and then a whole guild.

import type { EventName } from "../../discord/events.ts"
import { reactionEmoji } from "./emoji.ts"
import { type Guild, guildCreate, guildFields } from "./guild.ts"
import { snowflake, timestamp } from "./ids.ts"
import { directMessage, guildMessage } from "./message.ts"
import { makePresence } from "./presence.ts"
import type { Random } from "./random.ts"
import { displayName } from "./text.ts"
import { makeMember, makeUser } from "./user.ts"
import { makeVoiceState } from "./voice.ts"
import type { World } from "./world.ts"

/** A dispatch without its sequence, which the session gives it. */
export interface Dispatch {
  readonly t: EventName
  readonly d: object
}

type Make = (random: Random, guild: Guild, nowMs: number) => object

interface Entry {
  readonly t: EventName
  readonly weight: number
  readonly make: Make
}

const MIX: readonly Entry[] = [
  { t: "MESSAGE_CREATE", weight: 300, make: guildMessage },
  {
    t: "PRESENCE_UPDATE",
    weight: 260,
    make: (random, guild, nowMs) => ({
      ...makePresence(random, random.pick(guild.members).user.id, nowMs),
      guild_id: guild.id,
    }),
  },
  {
    t: "TYPING_START",
    weight: 120,
    make: (random, guild, nowMs) => {
      const member = random.pick(guild.members)
      return {
        user_id: member.user.id,
        timestamp: Math.floor(nowMs / 1000),
        member,
        channel_id: random.pick(guild.textChannels).id,
        guild_id: guild.id,
      }
    },
  },
  {
    t: "MESSAGE_UPDATE",
    weight: 70,
    make: (random, guild, nowMs) => ({ ...guildMessage(random, guild, nowMs), edited_timestamp: timestamp(nowMs) }),
  },
  {
    t: "MESSAGE_REACTION_ADD",
    weight: 60,
    make: (random, guild, nowMs) => {
      const member = random.pick(guild.members)
      return {
        ...reaction(random, guild, nowMs),
        user_id: member.user.id,
        member,
        message_author_id: random.pick(guild.members).user.id,
      }
    },
  },
  {
    t: "MESSAGE_REACTION_REMOVE",
    weight: 15,
    make: (random, guild, nowMs) => ({
      ...reaction(random, guild, nowMs),
      user_id: random.pick(guild.members).user.id,
    }),
  },
  {
    t: "VOICE_STATE_UPDATE",
    weight: 60,
    make: (random, guild) => {
      const channelId = random.chance(0.3) ? null : random.pick(guild.voiceChannels).id
      return { ...makeVoiceState(random, random.pick(guild.members), channelId), guild_id: guild.id }
    },
  },
  {
    t: "GUILD_MEMBER_UPDATE",
    weight: 60,
    make: (random, guild) => ({
      ...random.pick(guild.members),
      nick: displayName(random),
      guild_id: guild.id,
    }),
  },
  {
    t: "GUILD_MEMBER_ADD",
    weight: 10,
    make: (random, guild, nowMs) => ({
      ...makeMember(random, makeUser(random, nowMs - random.below(31_536_000_000)), [], nowMs),
      guild_id: guild.id,
    }),
  },
  {
    t: "GUILD_MEMBER_REMOVE",
    weight: 8,
    make: (random, guild) => ({ user: random.pick(guild.members).user, guild_id: guild.id }),
  },
  {
    t: "MESSAGE_DELETE",
    weight: 20,
    make: (random, guild, nowMs) => ({
      id: snowflake(nowMs - random.below(600_000), random),
      channel_id: random.pick(guild.textChannels).id,
      guild_id: guild.id,
    }),
  },
  {
    t: "CHANNEL_UPDATE",
    weight: 8,
    make: (random, guild) => ({ ...random.pick(guild.textChannels), guild_id: guild.id }),
  },
  {
    t: "GUILD_ROLE_UPDATE",
    weight: 6,
    make: (random, guild) => ({ role: random.pick(guild.roles), guild_id: guild.id }),
  },
  { t: "GUILD_UPDATE", weight: 2, make: (_, guild) => guildFields(guild) },
  {
    t: "GUILD_CREATE",
    weight: 11,
    make: (_, guild) => guildCreate(guild, { largeThreshold: 250, presences: true }),
  },
]

const TOTAL_WEIGHT = MIX.reduce((sum, { weight }) => sum + weight, 0)
/** Of shard 0's events, the share that comes without a guild. */
const DIRECT_SHARE = 0.02

/** The next event of a guild. */
export function guildEvent(random: Random, guild: Guild, nowMs: number): Dispatch {
  let left = random.below(TOTAL_WEIGHT)
  for (const { t, weight, make } of MIX) {
    left -= weight
    if (left < 0) return { t, d: make(random, guild, nowMs) }
  }
  return { t: "MESSAGE_CREATE", d: guildMessage(random, guild, nowMs) }
}

/** A private message to the bot. Discord sends what has no guild to shard 0 only. */
export function directEvent(random: Random, world: World, nowMs: number): Dispatch {
  const { channelId, user } = random.pick(world.directMessages)
  return { t: "MESSAGE_CREATE", d: { ...directMessage(random, user, channelId, nowMs), channel_type: 1 } }
}

/**
 * The next event of a shard that has these guilds.
 * @returns undefined when there can be none: the shard has no guild and is not shard 0.
 */
export function shardEvent(
  random: Random,
  world: World,
  { shard, guildIds }: { readonly shard: number; readonly guildIds: readonly string[] },
  nowMs: number,
): Dispatch | undefined {
  if (shard === 0 && (guildIds.length === 0 || random.chance(DIRECT_SHARE))) return directEvent(random, world, nowMs)
  if (guildIds.length === 0) return undefined
  const guild = world.guild(random.pick(guildIds))
  return guild && guildEvent(random, guild, nowMs)
}

function reaction(random: Random, guild: Guild, nowMs: number) {
  return {
    type: 0,
    message_id: snowflake(nowMs - random.below(600_000), random),
    emoji: reactionEmoji(random, guild.emojis),
    channel_id: random.pick(guild.textChannels).id,
    burst: false,
    guild_id: guild.id,
  }
}
