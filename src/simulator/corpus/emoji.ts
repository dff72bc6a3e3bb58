// Custom emoji, as in Discord's Emoji Resource › Emoji Object.

import { snowflake } from "./ids.ts"
import type { Random } from "./random.ts"

export interface Emoji {
  readonly id: string
  readonly name: string
  readonly roles: readonly string[]
  readonly require_colons: boolean
  readonly managed: boolean
  readonly animated: boolean
  readonly available: boolean
}

export function makeEmojis(random: Random, count: number, createdMs: number): readonly Emoji[] {
  return Array.from({ length: count }, (_, index) => ({
    id: snowflake(createdMs + index * 3_600_000, random),
    name: random.token(random.between(3, 12)),
    roles: [],
    require_colons: true,
    managed: false,
    animated: random.chance(0.2),
    available: true,
  }))
}

const UNICODE = ["👍", "❤️", "😂", "🔥", "👀", "🎉", "🏳️‍🌈", "✅"] as const

/** The partial emoji of a reaction: the guild's own or a Unicode one. */
export function reactionEmoji(random: Random, emojis: readonly Emoji[]) {
  if (emojis.length === 0 || random.chance(0.7)) return { id: null, name: random.pick(UNICODE) }
  const { id, name, animated } = random.pick(emojis)
  return { id, name, animated }
}
