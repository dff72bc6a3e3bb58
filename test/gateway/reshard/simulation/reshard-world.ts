// A bot through a reshard, and sometimes back: processes that run shards of both sets, sessions that get the same events at
// different times, connections that break and hang, crashes, answers and messages that are lost.

import { drainMicrotasks } from "bun:jsc"
import type { EventBatch } from "../../../../src/codec/batch.ts"
import { shardOf } from "../../../../src/discord/snowflake.ts"
import { publisherOf, type Side } from "../../../../src/gateway/reshard/change.ts"
import { SKEW_MS } from "../../../../src/gateway/reshard/hand-over.ts"
import { recordAt } from "../../../../src/gateway/reshard/held-event.ts"
import { sharersOf } from "../../../../src/gateway/reshard/pairs.ts"
import { FakeClock } from "../../../fixtures/fake-clock.ts"
import { type Random, seeded } from "../../simulation/random.ts"
import { ModelExchange, type ModelExchangeWays } from "../model-exchange.ts"
import { ModelProcess, type ShardPlace } from "./model-process.ts"
import { ModelSession } from "./model-session.ts"

/** By then the old set has its sessions. */
const BEGIN_MS = 5_000
const STORM_MS = 200_000
/** Then everything is calm, and whatever was begun comes to its end. */
const END_MS = 420_000
const QUIET_MS = END_MS - 40_000
const ORDER_MS = 2_000
const LONGEST_HANG_MS = 60_000
/** What a session that hangs has not told when it is lost. */
const LATEST_MS = LONGEST_HANG_MS + 10_000

export interface WorldOptions {
  /** So many kinds of events, equal in every byte; 0: no two are equal. */
  readonly kinds: number
  /** Whether sessions are lost for good. */
  readonly losesSessions: boolean
}

export interface WorldResult {
  readonly problems: string[]
  readonly events: number
  readonly changes: number
  readonly crashes: number
  readonly breaks: number
  /** Events that came under two ids. */
  readonly repeated: number
  /** Whether the guilds went back. */
  readonly wentBack: boolean
}

interface SentEvent {
  readonly guild: number
  readonly sentMs: number
  readonly ids: Set<string>
}

export function runWorld(seed: number, options: WorldOptions): WorldResult {
  return new World(seeded(seed * 11 + options.kinds), options).run()
}

class World {
  readonly #random: Random
  readonly #options: WorldOptions
  readonly #clock = new FakeClock()
  readonly #exchange: ModelExchange
  readonly #places: readonly ShardPlace[]
  readonly #processes: ModelProcess[] = []
  /** By a shard's side and number, the process that has its lease: the last one that was started with it. */
  readonly #holders = new Map<string, symbol>()
  readonly #events: SentEvent[] = []
  /** By the id that a session gives an event. */
  readonly #numbers = new Map<string, number>()
  /** The numbers of a guild's events in the order of their first entries. */
  readonly #firsts = new Map<number, number[]>()
  readonly #lost: { readonly place: ShardPlace; readonly atMs: number }[] = []
  /** Guild 0 stands for events without one. */
  readonly #guildIds: readonly (string | null)[]
  #wanted: Side = "new"
  readonly #lastArrivalMs = new Map<ShardPlace, number>()
  #attempts = 0
  #crashes = 0
  #breaks = 0

  constructor(random: Random, options: WorldOptions) {
    this.#random = random
    this.#options = options
    const [from, to] = random.pick([
      [1, 2],
      [2, 1],
      [2, 4],
      [2, 3],
      [4, 2],
    ] as const)
    this.#exchange = new ModelExchange(from, to)
    this.#guildIds = [
      null,
      ...Array.from({ length: 5 }, (_, index) => String(BigInt(index + 7 * random.int(99)) << 22n)),
    ]
    this.#places = [...this.#placesOf("old", from), ...this.#placesOf("new", to)]
  }

  run(): WorldResult {
    const count = 1 + this.#random.int(3)
    for (let index = 0; index < count; index += 1) {
      this.#start(this.#places.filter((_, at) => at % count === index))
    }
    this.#scheduleTraffic()
    this.#scheduleTrouble()
    this.#lead()
    while (this.#clock.nowMs() < END_MS && this.#clock.step()) drainMicrotasks()
    return this.#result()
  }

  #placesOf(side: Side, count: number): ShardPlace[] {
    return Array.from({ length: count }, (_, shard) => ({
      ...{ side, shard, discord: new ModelSession(`${side}${shard}`), stored: null },
      guildIds: this.#guildIds.filter((id) => id !== null && shardOf(id, count) === shard) as string[],
    }))
  }

  #start(places: readonly ShardPlace[]): void {
    const node = Symbol()
    for (const { side, shard } of places) this.#holders.set(`${side} ${shard}`, node)
    const holds = (side: Side, shard: number) => this.#holders.get(`${side} ${shard}`) === node
    this.#processes.push(
      new ModelProcess(places, {
        ...{ clock: this.#clock, random: this.#random, from: this.#exchange.from, to: this.#exchange.to },
        exchange: this.#exchange.connect(this.#ways(), holds),
        newAttempt: () => {
          this.#attempts += 1
          return `attempt ${this.#attempts}`
        },
        onPublished: (batch) => this.#onPublished(batch),
        onGap: (place) => this.#lost.push({ place, atMs: this.#clock.nowMs() }),
      }),
    )
  }

  /** Calls take their time, in their order; some answers are lost, and some messages. */
  #ways(): ModelExchangeWays {
    const clock = this.#clock
    let lastMs = 0
    const later = (run: () => void) => {
      lastMs = Math.max(lastMs, clock.nowMs() + this.#random.int(this.#isCalm ? 20 : 400))
      clock.after(lastMs - clock.nowMs(), run)
    }
    return {
      call: (step) =>
        new Promise((resolve, reject) => {
          later(() => {
            const answer = step()
            if (!this.#isCalm && this.#random.chance(0.05)) later(() => reject(new Error("the answer was lost")))
            else later(() => resolve(answer))
          })
        }),
      tell: (deliver) => {
        if (this.#isCalm || !this.#random.chance(0.1)) later(deliver)
      },
    }
  }

  get #isCalm(): boolean {
    return this.#clock.nowMs() > STORM_MS
  }

  #scheduleTraffic(): void {
    const random = this.#random
    const slowestMs = random.pick([5, 800, SKEW_MS * 0.4])
    for (const [guild] of this.#guildIds.entries()) {
      const gapMs = random.pick([300, 2_000, 30_000])
      const next = () => {
        if (this.#clock.nowMs() > QUIET_MS) return
        this.#send(guild, slowestMs)
        this.#clock.after(1 + random.int(2 * gapMs), next)
      }
      this.#clock.after(BEGIN_MS + random.int(1_000), next)
    }
  }

  #send(guild: number, slowestMs: number): void {
    const random = this.#random
    const number = this.#events.length
    const nowMs = this.#clock.nowMs()
    this.#events.push({ guild, sentMs: nowMs, ids: new Set() })
    const id = this.#guildIds[guild] ?? null
    const { kinds } = this.#options
    const d = { content: kinds === 0 ? number : random.int(kinds), ...(id === null ? {} : { guild_id: id }) }
    for (const place of this.#places) {
      const count = place.side === "old" ? this.#exchange.from : this.#exchange.to
      if (place.shard !== (id === null ? 0 : shardOf(id, count))) continue
      const atMs = Math.max(this.#lastArrivalMs.get(place) ?? 0, nowMs + random.int(slowestMs))
      this.#lastArrivalMs.set(place, atMs)
      this.#clock.after(atMs - nowMs, () => {
        const eventId = place.discord.dispatch("MESSAGE_CREATE", d)
        if (eventId !== null) this.#numbers.set(eventId, number)
      })
    }
  }

  #scheduleTrouble(): void {
    const random = this.#random
    const { losesSessions } = this.#options
    const during = (times: number, run: () => void) => {
      for (let i = 0; i < times; i += 1) this.#clock.after(random.between(2 * BEGIN_MS, STORM_MS), run)
    }
    during(random.pick([0, 1, 3]), () => this.#crash())
    // Just where it hurts most.
    const crashes = random.pick([0, 0.2, 0.5])
    this.#exchange.onStored = () => {
      if (!this.#isCalm && random.chance(crashes)) this.#clock.after(random.int(1_000), () => this.#crash())
    }
    during(random.pick([0, 2, 5]), () => {
      this.#breaks += 1
      random.pick(this.#places).discord.disconnect()
    })
    during(random.pick([0, 2, 10]), () => {
      const { discord } = random.pick(this.#places)
      discord.hang()
      this.#clock.after(random.int(LONGEST_HANG_MS), () => discord.hangNoMore())
    })
    if (losesSessions) during(random.pick([1, 2]), () => random.pick(this.#places).discord.lose())
    if (!random.chance(0.3)) return
    this.#clock.after(random.int(STORM_MS), () => {
      this.#wanted = "old"
      this.#exchange.phase = "undoing"
    })
  }

  #crash(): void {
    const [process] = this.#processes.splice(this.#random.int(this.#processes.length), 1)
    if (process === undefined) return
    this.#crashes += 1
    const places = process.crash()
    this.#clock.after(this.#random.int(this.#random.pick([200, 6_000])), () => this.#start(places))
  }

  /** Whichever process leads: it gives its orders again until they are carried out. */
  #lead(): void {
    for (let shard = 0; shard < this.#exchange.to; shard += 1) {
      const isDone = this.#wanted === "new" ? this.#exchange.isOver(shard) : this.#exchange.isBack(shard)
      const wanted = this.#wanted
      if (isDone) continue
      for (const process of this.#processes) {
        this.#clock.after(this.#random.int(100), () => process.handOver(shard, wanted))
      }
    }
    this.#clock.after(ORDER_MS, () => this.#lead())
  }

  #onPublished(batch: EventBatch): void {
    for (let index = 0; index < batch.count; index += 1) {
      const id = `${batch.sessionId}:${recordAt(batch, index).sequence}`
      const number = this.#numbers.get(id)
      const sent = number === undefined ? undefined : this.#events[number]
      if (number === undefined || sent === undefined) continue
      if (sent.ids.size === 0) this.#firstsOf(sent.guild).push(number)
      sent.ids.add(id)
    }
  }

  #firstsOf(guild: number): number[] {
    const firsts = this.#firsts.get(guild) ?? []
    this.#firsts.set(guild, firsts)
    return firsts
  }

  #result(): WorldResult {
    const problems: string[] = []
    for (const [number, { guild, sentMs, ids }] of this.#events.entries()) {
      if (ids.size === 0 && !this.#isExcused(guild, sentMs))
        problems.push(`event ${number} (guild ${guild}, at ${sentMs}) is missing`)
    }
    for (const [guild, numbers] of this.#firsts) {
      const at = numbers.findIndex((number, index) => index > 0 && number < (numbers[index - 1] ?? 0))
      if (at !== -1) problems.push(`guild ${guild} is out of order at event ${numbers[at]}, after ${numbers[at - 1]}`)
    }
    let changes = 0
    const { from, to } = this.#exchange
    for (let shard = 0; shard < to; shard += 1) {
      for (const old of sharersOf(shard, to, from)) {
        const stored = this.#exchange.changes({ old, new: shard })
        changes += stored.length
        if (publisherOf(stored) !== this.#wanted)
          problems.push(`the pair ${old}:${shard} never went to ${this.#wanted}`)
      }
    }
    return {
      ...{ problems, changes, crashes: this.#crashes, breaks: this.#breaks, events: this.#events.length },
      repeated: this.#events.filter(({ ids }) => ids.size > 1).length,
      wentBack: this.#wanted === "old",
    }
  }

  /** What came while a shard of the guild's had no session is lost, and consumers are told of it. */
  #isExcused(guild: number, sentMs: number): boolean {
    const id = this.#guildIds[guild] ?? null
    return this.#lost.some(({ place, atMs }) => {
      const count = place.side === "old" ? this.#exchange.from : this.#exchange.to
      return place.shard === (id === null ? 0 : shardOf(id, count)) && Math.abs(atMs - sentMs) < LATEST_MS
    })
  }
}
