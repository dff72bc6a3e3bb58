// Who is banned from which guild, and why.

import type { User } from "../../corpus/user.ts"
import { unknown } from "../api-error.ts"

export interface Ban {
  readonly reason: string | null
  readonly user: User
}

export class Bans {
  readonly #bans = new Map<string, Map<string, Ban>>()

  add(guildId: string, ban: Ban): void {
    const known = this.#bans.get(guildId) ?? new Map<string, Ban>()
    known.set(ban.user.id, ban)
    this.#bans.set(guildId, known)
  }

  /** @throws ApiError 10026 */
  get(guildId: string, userId: string): Ban {
    const ban = this.#bans.get(guildId)?.get(userId)
    if (ban === undefined) throw unknown("ban")
    return ban
  }

  remove(guildId: string, userId: string): void {
    this.#bans.get(guildId)?.delete(userId)
  }

  of(guildId: string): readonly Ban[] {
    return [...(this.#bans.get(guildId)?.values() ?? [])]
  }
}
