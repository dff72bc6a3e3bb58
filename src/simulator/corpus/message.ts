// Messages with embeds, attachments, mentions and replies, as in Discord's Message Resource › Message Object.

import type { Guild } from "./guild.ts"
import { assetHash, snowflake, timestamp } from "./ids.ts"
import type { Random } from "./random.ts"
import { messageContent, sentence } from "./text.ts"
import { type Member, partialMember, type User } from "./user.ts"

export interface Message {
  readonly id: string
  readonly channel_id: string
  readonly guild_id?: string
  readonly author: User
  readonly content: string
  readonly embeds: readonly object[]
  readonly attachments: readonly object[]
  readonly components: readonly object[]
  readonly mentions: readonly object[]
  readonly [field: string]: unknown
}

export function guildMessage(random: Random, guild: Guild, nowMs: number): Message {
  const author = random.pick(guild.members)
  const channelId = random.pick(guild.textChannels).id
  const mentioned = random.chance(0.12) ? [random.pick(guild.members)] : []
  const reply = random.chance(0.15)
  const message = {
    ...body(random, author.user, channelId, nowMs),
    mentions: mentioned.map((member) => ({ ...member.user, member: partialMember(member) })),
    mention_roles: random.chance(0.03) ? [random.pick(guild.roles).id] : [],
    member: partialMember(author),
    guild_id: guild.id,
  }
  return reply ? { ...message, ...replyTo(random, guild, author, channelId, nowMs) } : message
}

export function directMessage(random: Random, author: User, channelId: string, nowMs: number): Message {
  return { ...body(random, author, channelId, nowMs), mentions: [], mention_roles: [] }
}

function body(random: Random, author: User, channelId: string, nowMs: number) {
  const rich = random.next()
  return {
    type: 0,
    tts: false,
    timestamp: timestamp(nowMs),
    pinned: false,
    nonce: random.chance(0.7) ? snowflake(nowMs, random) : null,
    mention_everyone: false,
    id: snowflake(nowMs, random),
    flags: 0,
    embeds: rich < 0.12 ? Array.from({ length: random.between(1, 3) }, () => embed(random, nowMs)) : [],
    edited_timestamp: null,
    content: messageContent(random),
    components: rich > 0.97 ? [buttons(random)] : [],
    channel_type: 0,
    channel_id: channelId,
    author,
    attachments: rich > 0.88 && rich < 0.97 ? [attachment(random, channelId, nowMs)] : [],
  }
}

function replyTo(random: Random, guild: Guild, author: Member, channelId: string, nowMs: number) {
  const target = body(random, author.user, channelId, nowMs - random.below(3_600_000))
  return {
    type: 19,
    message_reference: { type: 0, message_id: target.id, channel_id: channelId, guild_id: guild.id },
    referenced_message: { ...target, mentions: [], mention_roles: [] },
  }
}

function embed(random: Random, nowMs: number) {
  return {
    type: "rich",
    title: sentence(random, random.between(2, 8)),
    description: messageContent(random),
    url: `https://example.com/${random.token(12)}?a=1&b=2`,
    timestamp: timestamp(nowMs),
    color: random.below(0x1000000),
    author: { name: sentence(random, 2), icon_url: `https://cdn.example.com/icons/${assetHash(random)}.png` },
    footer: { text: sentence(random, random.between(2, 6)) },
    fields: Array.from({ length: random.between(0, 6) }, () => ({
      name: sentence(random, random.between(1, 4)),
      value: sentence(random, random.between(2, 15)),
      inline: random.chance(0.5),
    })),
    content_scan_version: 4,
  }
}

function attachment(random: Random, channelId: string, nowMs: number) {
  const id = snowflake(nowMs, random)
  const file = `${random.token(8)}.png`
  const query = `ex=68aa0000&is=68a8ae80&hm=${assetHash(random)}${assetHash(random)}&`
  return {
    id,
    filename: file,
    size: random.between(1_000, 8_000_000),
    url: `https://cdn.example.com/attachments/${channelId}/${id}/${file}?${query}`,
    proxy_url: `https://media.example.com/attachments/${channelId}/${id}/${file}?${query}`,
    width: random.between(100, 3840),
    height: random.between(100, 2160),
    content_type: "image/png",
    content_scan_version: 4,
    placeholder: "3vcRFYJ3eHiPd4aAgHZ3eXj2tw==",
    placeholder_version: 1,
  }
}

function buttons(random: Random) {
  const count = random.between(1, 5)
  return {
    type: 1,
    id: 1,
    components: Array.from({ length: count }, (_, index) => ({
      type: 2,
      id: index + 2,
      style: random.between(1, 4),
      label: sentence(random, random.between(1, 3)),
      custom_id: `action:${random.token(20)}`,
    })),
  }
}
