// What an event is in order with, and which pair of shards it belongs to. Events of a guild are one stream; so are those of a
// channel without a guild; so is the rest.
// Source: Gateway › Sharding (which shard gets a guild's events; direct messages go to shard 0).

import { isSnowflake, shardOf } from "../../discord/snowflake.ts"
import { sharersOf } from "./pairs.ts"

export interface StreamOfEvent {
  /** A guild's id, or `channel:` and its id, or empty. */
  readonly stream: string
  /** The shard of the other set that has these events too. */
  readonly other: number
}

/** Events whose `id` is the guild's. */
const OF_THE_GUILD_ITSELF: ReadonlySet<string> = new Set(["GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"])
/** They may name a guild, and come to shard 0 all the same. */
const WITHOUT_A_GUILD = /^(ENTITLEMENT|SUBSCRIPTION|USER)_/
const NO_STREAM = ""

export class Streams {
  readonly #shard: number
  readonly #count: number
  readonly #others: number
  /** Who has what belongs to no guild. */
  readonly #plainOther: number

  constructor(shard: number, count: number, others: number) {
    this.#shard = shard
    this.#count = count
    this.#others = others
    this.#plainOther = sharersOf(shard, count, others)[0] ?? 0
  }

  of(event: string, d: unknown): StreamOfEvent {
    if (typeof d !== "object" || d === null || WITHOUT_A_GUILD.test(event)) return this.#plain(NO_STREAM)
    const guild = textAt(d, OF_THE_GUILD_ITSELF.has(event) ? "id" : "guild_id")
    // A guild that is another shard's: an app that a user has installed is called from anywhere.
    if (guild !== null && isSnowflake(guild) && shardOf(guild, this.#count) === this.#shard) {
      return { stream: guild, other: shardOf(guild, this.#others) }
    }
    const channel = textAt(d, "channel_id")
    return this.#plain(channel === null ? NO_STREAM : `channel:${channel}`)
  }

  #plain(stream: string): StreamOfEvent {
    return { stream, other: this.#plainOther }
  }
}

function textAt(d: object, name: string): string | null {
  const value: unknown = Reflect.get(d, name)
  return typeof value === "string" ? value : null
}
