// Guilds with roles, channels, emoji, members, presences and voice states: what GUILD_CREATE carries.
// Source: Discord's documentation, Guild Resource › Guild Object; Gateway Events › Guild Create.

import { type Channel, makeChannels } from "./channel.ts"
import { type Emoji, makeEmojis } from "./emoji.ts"
import { assetHash, snowflake, timestamp } from "./ids.ts"
import { makePresence, type Presence } from "./presence.ts"
import type { Random } from "./random.ts"
import { makeRoles, type Role } from "./role.ts"
import { displayName } from "./text.ts"
import { type Member, makeMember, makeUser, type User } from "./user.ts"
import { makeVoiceState, type VoiceState } from "./voice.ts"

export interface Guild {
  readonly id: string
  readonly name: string
  readonly icon: string | null
  readonly ownerId: string
  readonly joinedAt: string
  readonly roles: readonly Role[]
  readonly channels: readonly Channel[]
  readonly textChannels: readonly Channel[]
  readonly voiceChannels: readonly Channel[]
  readonly emojis: readonly Emoji[]
  /** The first is the bot itself. */
  readonly members: readonly Member[]
  readonly presences: readonly Presence[]
  readonly voiceStates: readonly VoiceState[]
}

export interface GuildPlan {
  readonly id: string
  readonly bot: User
  readonly memberCount: number
  readonly nowMs: number
}

const YEAR_MS = 365 * 86_400_000

export function makeGuild(random: Random, { id, bot, memberCount, nowMs }: GuildPlan): Guild {
  const size = Math.sqrt(memberCount)
  const createdMs = nowMs - random.between(1, 5) * YEAR_MS
  const roles = makeRoles(random, id, Math.min(60, Math.ceil(size * 2)), createdMs)
  const roleIds = roles.slice(1).map((role) => role.id)
  const channels = makeChannels(random, id, roleIds, Math.min(80, Math.ceil(size * 3) + 3), createdMs)
  const members = [makeMember(random, bot, roleIds.slice(0, 1), createdMs + YEAR_MS / 2)]
  while (members.length < memberCount) {
    const user = makeUser(random, createdMs - random.below(YEAR_MS))
    members.push(makeMember(random, user, roleIds, createdMs + random.below(YEAR_MS)))
  }
  const voiceChannels = channels.filter((channel) => channel.type === 2)
  const people = members.slice(1)
  return {
    id,
    name: displayName(random),
    icon: random.chance(0.8) ? assetHash(random) : null,
    ownerId: members[1]?.user.id ?? bot.id,
    joinedAt: timestamp(createdMs + YEAR_MS / 2),
    roles,
    channels,
    textChannels: channels.filter((channel) => channel.type === 0),
    voiceChannels,
    emojis: makeEmojis(random, Math.min(50, Math.ceil(size * 1.5)), createdMs),
    members,
    presences: people.filter(() => random.chance(0.4)).map(({ user }) => makePresence(random, user.id, nowMs)),
    voiceStates: people
      .filter(() => random.chance(0.06))
      .map((member) => makeVoiceState(random, member, random.pick(voiceChannels).id)),
  }
}

/** The fields that GUILD_UPDATE carries too. */
export function guildFields(guild: Guild) {
  return {
    id: guild.id,
    name: guild.name,
    icon: guild.icon,
    splash: null,
    discovery_splash: null,
    owner_id: guild.ownerId,
    region: "deprecated",
    afk_channel_id: null,
    afk_timeout: 300,
    verification_level: 1,
    default_message_notifications: 1,
    explicit_content_filter: 2,
    roles: guild.roles,
    emojis: guild.emojis,
    features: ["COMMUNITY", "NEWS", "ANIMATED_ICON", "INVITE_SPLASH"],
    mfa_level: 0,
    application_id: null,
    system_channel_id: guild.textChannels[0]?.id ?? null,
    system_channel_flags: 0,
    rules_channel_id: guild.textChannels[0]?.id ?? null,
    max_presences: null,
    max_members: 500_000,
    vanity_url_code: null,
    description: null,
    banner: null,
    premium_tier: 1,
    premium_subscription_count: 3,
    preferred_locale: "en-US",
    public_updates_channel_id: guild.textChannels[0]?.id ?? null,
    max_video_channel_users: 25,
    max_stage_video_channel_users: 50,
    nsfw_level: 0,
    nsfw: false,
    stickers: [],
    premium_progress_bar_enabled: true,
    safety_alerts_channel_id: null,
    incidents_data: null,
    home_header: null,
    hub_type: null,
    latest_onboarding_question_id: null,
    inventory_settings: null,
  }
}

export interface GuildCreateOptions {
  /** Guilds with more members than this are sent as large, with at most this many. */
  readonly largeThreshold: number
  /** Without the presences intent Discord sends the bot and the members in voice channels only. */
  readonly presences: boolean
}

/** The `d` of GUILD_CREATE. */
export function guildCreate(guild: Guild, { largeThreshold, presences }: GuildCreateOptions) {
  const inVoice = new Set(guild.voiceStates.map((state) => state.user_id))
  const bot = guild.members[0]
  const shown = presences
    ? guild.members.slice(0, largeThreshold)
    : guild.members.filter((member) => member === bot || inVoice.has(member.user.id))
  const shownIds = new Set(shown.map((member) => member.user.id))
  return {
    ...guildFields(guild),
    joined_at: guild.joinedAt,
    large: guild.members.length > largeThreshold,
    unavailable: false,
    geo_restricted: false,
    member_count: guild.members.length,
    voice_states: guild.voiceStates.map(({ member: _, ...state }) => state),
    members: shown,
    channels: guild.channels,
    threads: [],
    presences: presences ? guild.presences.filter((presence) => shownIds.has(presence.user.id)) : [],
    stage_instances: [],
    guild_scheduled_events: [],
    soundboard_sounds: [],
    embedded_activities: [],
    application_command_counts: { "1": 12, "2": 1, "3": 1 },
  }
}

/** The id of a new guild made at `createdMs`. */
export function guildId(random: Random, createdMs: number): string {
  return snowflake(createdMs, random)
}
