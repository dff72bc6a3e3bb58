// Finds a channel or a user in the world by its id alone, as REST paths name them, and keeps what a bot changed.
// Guilds are looked through as far as needed: an id that is nowhere makes all of them.

import type { Channel } from "../../corpus/channel.ts"
import type { Guild } from "../../corpus/guild.ts"
import type { Member, User } from "../../corpus/user.ts"
import type { World } from "../../corpus/world.ts"
import { missingAccess, unknown } from "../api-error.ts"
import type { NewId } from "./ids.ts"

/** A channel as REST gives it; a guild's has `guild_id`. */
export interface Place {
  readonly id: string
  readonly type: number
  readonly guild_id?: string
  readonly [field: string]: unknown
}

const MAX_DIRECT_CHANNELS = 1_000_000
/** Channels that hold messages: text, direct messages, voice, announcements, threads. */
const WITHOUT_MESSAGES = [4]

export class Directory {
  readonly world: World
  readonly #newId: NewId
  readonly #guildOf = new Map<string, string>()
  readonly #users = new Map<string, User>()
  readonly #direct = new Map<string, Place>()
  readonly #directOf = new Map<string, Place>()
  /** Values made of a guild's channel, so that their JSON is made once. */
  readonly #places = new WeakMap<object, Place>()
  #looked = 0

  constructor(world: World, newId: NewId) {
    this.world = world
    this.#newId = newId
    this.#users.set(world.bot.id, world.bot)
    for (const { channelId, user } of world.directMessages) {
      this.#users.set(user.id, user)
      this.#openDirect(channelId, user)
    }
  }

  /** @throws ApiError 10004 */
  guild(id: string): Guild {
    const guild = this.world.guild(id)
    if (guild === undefined) throw unknown("guild")
    return guild
  }

  /** @throws ApiError 10003 */
  place(id: string): Place {
    const direct = this.#direct.get(id)
    if (direct !== undefined) return direct
    const guild = this.guildOfChannel(id)
    const channel = guild?.channels.find((candidate) => candidate.id === id)
    if (guild === undefined || channel === undefined) throw unknown("channel")
    return this.placeOf(guild, channel)
  }

  placeOf(guild: Guild, channel: Channel): Place {
    const known = this.#places.get(channel)
    if (known !== undefined) return known
    const place = { ...channel, guild_id: guild.id }
    this.#places.set(channel, place)
    return place
  }

  /** @throws ApiError 10003 or, where no message can be, 50001 */
  messagePlace(id: string): Place {
    const place = this.place(id)
    if (WITHOUT_MESSAGES.includes(place.type)) throw missingAccess()
    return place
  }

  guildOfChannel(id: string): Guild | undefined {
    const known = this.#guildOf.get(id)
    if (known !== undefined) return this.world.guild(known)
    while (this.#looked < this.world.guildIds.length) {
      this.#lookIn(this.world.guildIds[this.#looked] ?? "")
      this.#looked += 1
      const found = this.#guildOf.get(id)
      if (found !== undefined) return this.world.guild(found)
    }
    return undefined
  }

  /** @throws ApiError 10013 */
  user(id: string): User {
    let user = this.#users.get(id)
    while (user === undefined && this.#looked < this.world.guildIds.length) {
      this.#lookIn(this.world.guildIds[this.#looked] ?? "")
      this.#looked += 1
      user = this.#users.get(id)
    }
    if (user === undefined) throw unknown("user")
    return user
  }

  /** @throws ApiError 10007 */
  member(guild: Guild, userId: string): Member {
    const member = guild.members.find(({ user }) => user.id === userId)
    if (member === undefined) throw unknown("member")
    return member
  }

  /** The channel of direct messages with that user, made when it is not there. */
  direct(user: User): Place {
    return this.#directOf.get(user.id) ?? this.#openDirect(this.#newId(), user)
  }

  setChannels(guild: Guild, channels: readonly Channel[]): void {
    for (const { id } of channels) this.#guildOf.set(id, guild.id)
    this.world.replaceGuild({
      ...guild,
      channels,
      textChannels: channels.filter(({ type }) => type === 0),
      voiceChannels: channels.filter(({ type }) => type === 2),
    })
  }

  setMember(guild: Guild, changed: Member): void {
    const members = guild.members.map((member) => (member.user.id === changed.user.id ? changed : member))
    this.world.replaceGuild({ ...guild, members })
  }

  removeMember(guild: Guild, userId: string): void {
    this.world.replaceGuild({
      ...guild,
      members: guild.members.filter(({ user }) => user.id !== userId),
      presences: guild.presences.filter(({ user }) => user.id !== userId),
      voiceStates: guild.voiceStates.filter(({ user_id }) => user_id !== userId),
    })
  }

  #lookIn(guildId: string): void {
    const guild = this.world.guild(guildId)
    for (const { id } of guild?.channels ?? []) this.#guildOf.set(id, guildId)
    for (const { user } of guild?.members ?? []) this.#users.set(user.id, user)
  }

  #openDirect(id: string, user: User): Place {
    const [oldest] = this.#directOf
    if (this.#direct.size >= MAX_DIRECT_CHANNELS && oldest !== undefined) {
      this.#directOf.delete(oldest[0])
      this.#direct.delete(oldest[1].id)
    }
    const place: Place = { id, type: 1, last_message_id: null, flags: 0, recipients: [user] }
    this.#direct.set(id, place)
    this.#directOf.set(user.id, place)
    return place
  }
}
