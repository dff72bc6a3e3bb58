// One member of a consumer group: reads what is new, takes over what another member left, settles entries.

import { DEFAULT_MAX_DELIVERIES, deadLetterName } from "../message.ts"
import { isReply, type RedisClient } from "./client.ts"
import { DATA_FIELD, type Entry, list, parseEntry, readEntries, text } from "./entry.ts"

/** Dead letters that are kept of an event and group; older ones are trimmed away. */
export const MAX_DEAD_LETTERS = 10_000

export interface GroupOptions {
  readonly redis: RedisClient
  readonly group: string
  /** Of this member. */
  readonly name: string
  /** An entry that was given out this long ago and is not settled is taken to be a dead worker's. */
  readonly claimAfterMs: number
  readonly maxDeliveries?: number
}

/** What is left over: to be given out again, and given out too often. */
export interface Claim {
  readonly entries: readonly Entry[]
  readonly dead: readonly Entry[]
  /** Whether there may be more at once. */
  readonly more: boolean
}

export class GroupMember {
  readonly group: string
  readonly name: string
  readonly claimAfterMs: number
  readonly #redis: RedisClient
  readonly #maxDeliveries: number

  constructor({ redis, group, name, claimAfterMs, maxDeliveries = DEFAULT_MAX_DELIVERIES }: GroupOptions) {
    this.#redis = redis
    this.group = group
    this.name = name
    this.claimAfterMs = claimAfterMs
    this.#maxDeliveries = maxDeliveries
  }

  /** Makes the group, from the oldest entry that is kept, where it is not there yet. */
  async join(events: readonly string[]): Promise<void> {
    await Promise.all(events.map((event) => this.#join(event)))
  }

  async #join(event: string): Promise<void> {
    try {
      await this.#redis.call("xgroup", "CREATE", event, this.group, "0", "MKSTREAM")
    } catch (error) {
      if (!isReply(error, "BUSYGROUP")) throw error
    }
  }

  /** New entries, after at most `blockMs` of waiting. `connection` is busy for that long. */
  async read(
    connection: RedisClient,
    events: readonly string[],
    { count, blockMs }: { readonly count: number; readonly blockMs: number },
  ): Promise<Entry[]> {
    const from = ["GROUP", this.group, this.name, "COUNT", count, "BLOCK", blockMs, "STREAMS", ...events]
    return readEntries(await connection.callBuffer("xreadgroup", ...from, ...events.map(() => ">")))
  }

  /**
   * Takes over what was given out `claimAfterMs` ago and never settled. XPENDING and XCLAIM, not XAUTOCLAIM, since that
   * does not say how often an entry was given out; the idle time given to XCLAIM lets one member win.
   */
  async claim(event: string, count: number): Promise<Claim> {
    const idle = ["IDLE", this.claimAfterMs, "-", "+", count]
    const pending = list(await this.#redis.call("xpending", event, this.group, ...idle)).map(list)
    const claimed = await Promise.all(pending.map(([id, , , given]) => this.#claim(event, text(id), Number(given))))
    const all = claimed.flat()
    return {
      entries: all.filter(({ attempt }) => attempt <= this.#maxDeliveries),
      dead: all.filter(({ attempt }) => attempt > this.#maxDeliveries),
      more: pending.length === count,
    }
  }

  async #claim(event: string, id: string, given: number): Promise<Entry[]> {
    const args = [event, this.group, this.name, this.claimAfterMs, id]
    const reply = list(await this.#redis.callBuffer("xclaim", ...args))
    const entries = reply.flatMap((entry) => parseEntry(event, entry, given + 1))
    // Redis 6 says null for an entry that was trimmed away and leaves it pending for ever.
    if (reply.length > 0 && entries.length === 0) await this.#redis.call("xack", event, this.group, id)
    return entries
  }

  async ack({ event, entryId }: Entry): Promise<void> {
    await this.#redis.call("xack", event, this.group, entryId)
  }

  /** Makes an entry ready to be claimed, by this member or another. */
  async giveBack({ event, entryId, attempt }: Entry, counted: boolean): Promise<void> {
    const state = ["IDLE", this.claimAfterMs, "RETRYCOUNT", counted ? attempt : attempt - 1, "JUSTID"]
    await this.#redis.call("xclaim", event, this.group, this.name, 0, entryId, ...state)
  }

  /** Moves an entry to the group's dead letters. Copied before it is acknowledged: it may be there twice, never not. */
  async setAside(entry: Entry): Promise<string> {
    const { event, id, key, entryId, attempt, body = Buffer.alloc(0) } = entry
    const stream = deadLetterName(this.group, event)
    const origin = ["id", id, ...(key === undefined ? [] : ["key", key]), "entry", entryId, "attempts", attempt - 1]
    await this.#redis.call("xadd", stream, "MAXLEN", "~", MAX_DEAD_LETTERS, "*", DATA_FIELD, body, ...origin)
    await this.ack(entry)
    return stream
  }

  /** Strikes this member from the groups in which nothing of its own is pending. */
  async leave(events: readonly string[]): Promise<void> {
    await Promise.all(events.map((event) => this.#leave(event)))
  }

  async #leave(event: string): Promise<void> {
    try {
      const pending = list(await this.#redis.call("xpending", event, this.group, "-", "+", 1, this.name))
      if (pending.length === 0) await this.#redis.call("xgroup", "DELCONSUMER", event, this.group, this.name)
    } catch (error) {
      // Somebody deleted the stream or the group, and this member with it.
      if (!isReply(error, "NOGROUP") && !isReply(error, "ERR")) throw error
    }
  }
}
