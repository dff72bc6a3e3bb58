// Channels, as in Discord's Channel Resource › Channel Object.

import { snowflake } from "./ids.ts"
import type { Random } from "./random.ts"
import { channelName, sentence } from "./text.ts"

export interface Overwrite {
  readonly id: string
  readonly type: 0 | 1
  readonly allow: string
  readonly deny: string
}

export interface Channel {
  readonly id: string
  /** 0 text, 2 voice, 4 category. */
  readonly type: 0 | 2 | 4
  readonly name: string
  readonly position: number
  readonly flags: number
  readonly parent_id: string | null
  readonly permission_overwrites: readonly Overwrite[]
  readonly version: number
  readonly [field: string]: unknown
}

/** A category, then text channels and a few voice channels in it. */
export function makeChannels(
  random: Random,
  guildId: string,
  roleIds: readonly string[],
  count: number,
  createdMs: number,
): readonly Channel[] {
  const category = common(random, guildId, roleIds, createdMs, { type: 4, position: 0, parentId: null })
  const channels: Channel[] = [category]
  for (let position = 1; position < Math.max(3, count); position++) {
    const type = position === 2 || random.chance(0.2) ? 2 : 0
    const channel = common(random, guildId, roleIds, createdMs, { type, position, parentId: category.id })
    channels.push(type === 0 ? { ...channel, ...textFields(random, createdMs) } : { ...channel, ...VOICE_FIELDS })
  }
  return channels
}

interface Place {
  readonly type: 0 | 2 | 4
  readonly position: number
  readonly parentId: string | null
}

function common(random: Random, guildId: string, roleIds: readonly string[], createdMs: number, place: Place): Channel {
  const overwrites: Overwrite[] = []
  for (const id of [guildId, ...roleIds])
    if (random.chance(0.15)) overwrites.push({ id, type: 0, allow: "1024", deny: String(2 ** random.between(10, 40)) })
  return {
    id: snowflake(createdMs + place.position * 60_000, random),
    type: place.type,
    name: channelName(random),
    position: place.position,
    flags: 0,
    parent_id: place.parentId,
    permission_overwrites: overwrites,
    version: createdMs,
  }
}

function textFields(random: Random, createdMs: number) {
  return {
    topic: random.chance(0.5) ? sentence(random, random.between(3, 20)) : null,
    last_message_id: snowflake(createdMs + random.below(31_536_000_000), random),
    rate_limit_per_user: random.chance(0.2) ? 5 : 0,
    nsfw: false,
    last_pin_timestamp: null,
    icon_emoji: { id: null, name: "👋" },
    theme_color: null,
  }
}

const VOICE_FIELDS = {
  bitrate: 64_000,
  user_limit: 0,
  rtc_region: null,
  last_message_id: null,
  rate_limit_per_user: 0,
  nsfw: false,
  status: null,
  voice_background_display: null,
}
