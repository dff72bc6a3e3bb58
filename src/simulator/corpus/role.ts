// Roles, as in Discord's Permissions › Role Object.

import { snowflake } from "./ids.ts"
import type { Random } from "./random.ts"
import { displayName } from "./text.ts"

export interface Role {
  readonly id: string
  readonly name: string
  readonly description: null
  readonly permissions: string
  readonly position: number
  readonly color: number
  readonly colors: { readonly primary_color: number; readonly secondary_color: null; readonly tertiary_color: null }
  readonly hoist: boolean
  readonly managed: boolean
  readonly mentionable: boolean
  readonly icon: null
  readonly unicode_emoji: null
  readonly flags: number
}

/** `count` roles; the first is @everyone, whose id is the guild's. */
export function makeRoles(random: Random, guildId: string, count: number, createdMs: number): readonly Role[] {
  const roles: Role[] = []
  for (let position = 0; position < Math.max(2, count); position++) {
    const color = position === 0 || random.chance(0.3) ? 0 : random.below(0x1000000)
    roles.push({
      id: position === 0 ? guildId : snowflake(createdMs + position * 1000, random),
      name: position === 0 ? "@everyone" : displayName(random),
      description: null,
      // Permissions are 64-bit and so a string.
      permissions: (BigInt(random.below(2 ** 30)) * (1n << 19n) + BigInt(random.below(2 ** 19))).toString(),
      position,
      color,
      colors: { primary_color: color, secondary_color: null, tertiary_color: null },
      hoist: random.chance(0.3),
      managed: random.chance(0.1),
      mentionable: random.chance(0.3),
      icon: null,
      unicode_emoji: null,
      flags: 0,
    })
  }
  return roles
}
