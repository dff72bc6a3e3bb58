// A gateway process in a reshard: the real delivery, gates and hand-overs of its shards, over a model of everything else.

import type { Broker } from "../../../../src/brokers/broker.ts"
import type { EventBatch } from "../../../../src/codec/batch.ts"
import { Delivery } from "../../../../src/gateway/delivery.ts"
import { DEFAULT_DELIVERY_LIMITS, type DeliverySession } from "../../../../src/gateway/delivery-options.ts"
import type { Side } from "../../../../src/gateway/reshard/change.ts"
import type { PairExchange } from "../../../../src/gateway/reshard/exchange.ts"
import { GuildGate } from "../../../../src/gateway/reshard/guild-gate.ts"
import { SKEW_MS, timesOf } from "../../../../src/gateway/reshard/hand-over.ts"
import { PairHandOvers } from "../../../../src/gateway/reshard/pair-hand-overs.ts"
import type { FakeClock } from "../../../fixtures/fake-clock.ts"
import { RecordingLogger } from "../../../fixtures/recording-logger.ts"
import type { Random } from "../../simulation/random.ts"
import { eventDecoder } from "./event-decoder.ts"
import type { ModelSession } from "./model-session.ts"

const EVENTS = ["READY", "MESSAGE_CREATE", "GUILD_CREATE"]
const TIMES = timesOf(SKEW_MS)
const ENCODING = { body: "json", framing: { type: "bare" } } as const
const SAVE_MS = 250
const RECONNECT_MS = 3_000

/** A shard, its guilds, and what is stored of it: what outlives a process. */
export interface ShardPlace {
  readonly side: Side
  readonly shard: number
  readonly discord: ModelSession
  readonly guildIds: readonly string[]
  stored: { readonly session: string; readonly sequence: number } | null
}

export interface ProcessOptions {
  readonly clock: FakeClock
  readonly random: Random
  readonly exchange: PairExchange
  readonly from: number
  readonly to: number
  readonly newAttempt: () => string
  readonly onPublished: (batch: EventBatch) => void
  readonly onGap: (place: ShardPlace, sessionId: string, lastSequence: number) => void
}

export class ModelProcess {
  readonly #options: ProcessOptions
  readonly #handOvers: PairHandOvers
  readonly #places: readonly ShardPlace[]
  #isUp = true
  /** Published and not yet executed, in order. */
  #unpublished: (() => void)[] = []
  #lastPublishMs = 0
  readonly #slowestPublishMs: number

  constructor(places: readonly ShardPlace[], options: ProcessOptions) {
    this.#options = options
    this.#places = places
    this.#slowestPublishMs = options.random.pick([50, 50, 2_000])
    const { from, to, clock, exchange, newAttempt } = options
    this.#handOvers = new PairHandOvers({
      ...{ exchange, from, to, clock, newAttempt, times: TIMES },
      log: new RecordingLogger(),
      onAttempt: () => {},
    })
    for (const place of places) void this.#run(place)
  }

  handOver(newShard: number, to: Side): void {
    if (this.#isUp) this.#handOvers.handOver(newShard, to)
  }

  /** @returns the shards that another process has to run */
  crash(): readonly ShardPlace[] {
    this.#isUp = false
    this.#handOvers.close()
    for (const { discord } of this.#places) discord.disconnect()
    // What was on its way may have come there.
    for (const execute of this.#unpublished.slice(0, this.#options.random.int(this.#unpublished.length + 1))) execute()
    return this.#places
  }

  async #run(place: ShardPlace): Promise<void> {
    const { side, shard } = place
    const { from, to, exchange, clock } = this.#options
    const changes = await this.#answered(() => exchange.begin(side, shard))
    if (!this.#isUp || changes === null) return
    const [count, others] = side === "old" ? [from, to] : [to, from]
    const gate = new GuildGate({ side, shard, count, others, encoding: ENCODING, times: TIMES, changes, clock })
    const decoder = eventDecoder(EVENTS)
    const delivery = this.#newDelivery(place, decoder)
    delivery.attach(gate)
    this.#handOvers.attach(side, shard, {
      gate,
      flush() {
        delivery.flush()
        return !delivery.isBehind
      },
      confirmed: () => delivery.confirmed(),
      async probe() {
        const askedMs = clock.nowMs()
        return (await place.discord.answer()) ? askedMs : null
      },
    })
    const session = place.stored
    if (session !== null) decoder.resume(session.session, session.sequence)
    if (session !== null) delivery.begin(sessionOf(session.session), session.sequence)
    this.#connect(place, { gate, decoder, delivery, sessionId: session?.session ?? null })
  }

  #connect(place: ShardPlace, parts: Parts): void {
    const { clock, random, onGap } = this.#options
    if (!this.#isUp) return
    const { gate, decoder, delivery } = parts
    const connection = {
      receive: (dispatch: Parameters<typeof decoder.receive>[0]) => {
        decoder.receive(dispatch)
        delivery.received(100)
      },
      live: () => gate.live(true),
      down: () => {
        gate.live(false)
        if (!this.#isUp) return
        delivery.flushAll()
        clock.after(random.int(RECONNECT_MS), () => this.#connect(place, parts))
      },
    }
    if (parts.sessionId !== null) {
      if (place.discord.resume(parts.sessionId, decoder.lastSequence(), connection)) return
      onGap(place, parts.sessionId, gate.received)
      delivery.announceGap(parts.sessionId, decoder.lastSequence())
    }
    parts.sessionId = place.discord.identify(connection)
    decoder.resume(parts.sessionId, 0)
    delivery.begin(sessionOf(parts.sessionId), 0)
    gate.ready(place.guildIds)
    gate.live(true)
    place.discord.dispatch("READY", {})
    for (const id of place.guildIds) place.discord.dispatch("GUILD_CREATE", { id })
  }

  #newDelivery(place: ShardPlace, decoder: ReturnType<typeof eventDecoder>): Delivery {
    const { clock, random } = this.#options
    const store = (stored: ShardPlace["stored"]) => {
      clock.after(random.int(SAVE_MS), () => {
        if (!this.#isUp) return
        const isOlder = stored !== null && place.stored?.session === stored.session
        if (isOlder && place.stored !== null && stored.sequence < place.stored.sequence) return
        place.stored = stored
      })
    }
    return new Delivery({
      ...{ shard: place.shard, slot: place.shard, events: EVENTS, decoder, clock, limits: DEFAULT_DELIVERY_LIMITS },
      broker: this.#broker(),
      soon: (run) => void clock.after(0, () => this.#isUp && run()),
      on: {
        acknowledged: ({ id }, sequence) => store({ session: id, sequence }),
        gapAnnounced: () => store(null),
        stalled: () => {},
        drained: () => {},
        confirmed: () => {},
      },
    })
  }

  #broker(): Broker {
    const publish = (execute: () => void) => this.#publish(execute)
    return {
      encoding: ENCODING,
      ended: new Promise(() => {}),
      publish: (batch) => publish(() => this.#options.onPublished(batch)),
      announce: () => publish(() => {}),
      async *consume() {},
      call: () => Promise.reject(new Error("not here")),
      close: async () => {},
    }
  }

  /** Executed after a while, in order, and confirmed after another. */
  #publish(execute: () => void): Promise<void> {
    const { clock, random } = this.#options
    const { promise, resolve } = Promise.withResolvers<void>()
    const once = () => {
      this.#unpublished.shift()
      execute()
      clock.after(random.int(50), () => this.#isUp && resolve())
    }
    this.#unpublished.push(once)
    this.#lastPublishMs = Math.max(this.#lastPublishMs, clock.nowMs() + random.int(this.#slowestPublishMs))
    clock.after(this.#lastPublishMs - clock.nowMs(), () => this.#isUp && once())
    return promise
  }

  /** Tries until there is an answer. Null: the process is gone. */
  async #answered<T>(ask: () => Promise<T>): Promise<T | null> {
    while (this.#isUp) {
      try {
        return await ask()
      } catch {
        await new Promise<void>((resolve) => void this.#options.clock.after(100, resolve))
      }
    }
    return null
  }
}

interface Parts {
  readonly gate: GuildGate
  readonly decoder: ReturnType<typeof eventDecoder>
  readonly delivery: Delivery
  sessionId: string | null
}

function sessionOf(id: string): DeliverySession {
  return { id, resumeUrl: null, startedMs: null }
}
