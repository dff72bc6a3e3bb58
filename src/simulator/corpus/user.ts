// Users and guild members, as in Discord's User Resource › User Object and Guild Resource › Guild Member Object.

import { assetHash, snowflake, timestamp } from "./ids.ts"
import type { Random } from "./random.ts"
import { displayName, userName } from "./text.ts"

export interface User {
  readonly id: string
  readonly username: string
  readonly discriminator: string
  readonly global_name: string | null
  readonly avatar: string | null
  readonly avatar_decoration_data: null | { readonly asset: string; readonly sku_id: string; readonly expires_at: null }
  readonly bot?: boolean
  readonly public_flags: number
  readonly primary_guild: null
  readonly clan: null
  readonly collectibles: null
  readonly display_name_styles: null
}

export interface Member {
  readonly user: User
  readonly nick: string | null
  readonly avatar: string | null
  readonly banner: null
  readonly roles: readonly string[]
  readonly joined_at: string
  readonly premium_since: string | null
  readonly communication_disabled_until: null
  readonly deaf: boolean
  readonly mute: boolean
  readonly pending: boolean
  readonly flags: number
}

export function makeUser(random: Random, createdMs: number): User {
  return {
    id: snowflake(createdMs, random),
    username: userName(random),
    discriminator: "0",
    global_name: random.chance(0.8) ? displayName(random) : null,
    avatar: random.chance(0.85) ? assetHash(random) : null,
    avatar_decoration_data: random.chance(0.1)
      ? { asset: `a_${assetHash(random)}`, sku_id: snowflake(createdMs, random), expires_at: null }
      : null,
    ...(random.chance(0.05) ? { bot: true } : {}),
    public_flags: random.chance(0.3) ? 2 ** random.between(6, 18) : 0,
    primary_guild: null,
    clan: null,
    collectibles: null,
    display_name_styles: null,
  }
}

export function makeMember(random: Random, user: User, roleIds: readonly string[], joinedMs: number): Member {
  return {
    user,
    nick: random.chance(0.3) ? displayName(random) : null,
    avatar: random.chance(0.05) ? assetHash(random) : null,
    banner: null,
    roles: roleIds.filter(() => random.chance(0.25)).slice(0, 8),
    joined_at: timestamp(joinedMs),
    premium_since: random.chance(0.05) ? timestamp(joinedMs + 86_400_000) : null,
    communication_disabled_until: null,
    deaf: false,
    mute: false,
    pending: false,
    flags: 0,
  }
}

/** The member without its user, as messages and interactions carry it. */
export function partialMember({ user: _, ...member }: Member): Omit<Member, "user"> {
  return member
}
