// Reading streams as one member of a consumer group. Each event is read by one connection, so that its order holds; what
// is read and not acknowledged is held here, up to a bound, and given back to the group on close.

import type { Clock } from "../../flow/clock.ts"
import { sleep } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import type { Logger } from "../../ops/log.ts"
import { decodeBody } from "../body.ts"
import { BodyError, type Delivery } from "../broker.ts"
import { claim } from "./claim.ts"
import type { Client } from "./clients.ts"
import { type Trimming, trimWords } from "./commands.ts"
import { circumstances, type Entry, readStreams } from "./entries.ts"
import { joinGroup, type Membership } from "./group.ts"
import { ReadingOutage } from "./reading-outage.ts"

/** Entries of one read. */
const MAX_CHUNK = 100
/** How long a read waits on the server for something to come. */
export const BLOCK_MS = 5_000
/** A cluster's streams live on several servers, which one blocking read cannot cover: they are asked in turn. */
const POLL_MS = 50
const RETRY_MS = 1_000
/** Passes over what other members left behind, and over what is old enough to go. */
const CLAIM_EVERY_MS = 10_000
/** For giving messages back on close. */
const GIVE_BACK_WITHIN_MS = 1_000

export interface ConsumerOptions extends Membership {
  /** For everything that does not block. */
  readonly commands: Client
  /** A further connection, for reads that block. */
  readonly newReader: () => Client
  readonly isCluster: boolean
  /** Connections that reads are spread over. */
  readonly poolSize: number
  /** Deliveries that are held unacknowledged before no more are read. */
  readonly maxUnacknowledged: number
  readonly claimAfterMs: number
  readonly maxDeliveries: number
  readonly trimming: Trimming
  readonly reply: (event: string, entry: Entry, data: unknown) => Promise<void>
  readonly onPoison: (stream: string) => void
  readonly clock: Clock
  readonly log: Logger
  /** Aborts when the broker closes. */
  readonly closing: AbortSignal
}

/** One call of `consume`. */
interface Subscription {
  readonly events: readonly string[]
  readonly stop: AbortSignal
  readonly waiting: Held[]
  failure: unknown
  /** Tells the generator that something waits, or that it is over. */
  onChange: () => void
}

interface Held {
  readonly event: string
  readonly entry: Entry
  readonly subscription: Subscription
}

export class RedisConsumer {
  readonly #options: ConsumerOptions
  /** Read and not acknowledged, by event and id. */
  readonly #held = new Map<string, Held>()
  /** Wakes the readers that wait for an acknowledgement. */
  readonly #onRoom = new Set<() => void>()

  constructor(options: ConsumerOptions) {
    this.#options = options
  }

  /**
   * What arrives for the events, until `signal` aborts or the broker closes.
   * @throws OperatorError when a stream cannot be read and waiting does not help.
   */
  async *deliveries(events: readonly string[], signal: AbortSignal): AsyncGenerator<Delivery> {
    const ending = new AbortController()
    const stop = AbortSignal.any([signal, this.#options.closing, ending.signal])
    const subscription: Subscription = { events, stop, waiting: [], failure: null, onChange: () => {} }
    stop.addEventListener("abort", () => subscription.onChange())
    const running = this.#start(subscription)
    try {
      while (!stop.aborted) {
        if (subscription.failure !== null) throw subscription.failure
        const held = subscription.waiting.shift()
        if (held !== undefined) yield this.#delivery(held)
        else {
          await new Promise<void>((resolve) => {
            subscription.onChange = resolve
          })
        }
      }
    } finally {
      ending.abort()
      await running
      if (!this.#options.closing.aborted) await this.#giveBack(subscription.waiting.splice(0))
    }
  }

  /** Gives back everything that was not acknowledged, for others of the group. */
  async giveBack(): Promise<void> {
    await this.#giveBack([...this.#held.values()])
  }

  /** Readers over the events, and the pass over what others left. Settles once all have stopped. */
  async #start(subscription: Subscription): Promise<void> {
    const { isCluster, poolSize } = this.#options
    const readers = isCluster ? 1 : Math.min(poolSize, subscription.events.length)
    const shares = Array.from({ length: readers }, (_, index) =>
      subscription.events.filter((_event, position) => position % readers === index),
    )
    const fail = (error: unknown) => {
      subscription.failure ??= error
      subscription.onChange()
    }
    await Promise.all([
      ...shares.map((events) => this.#read(events, subscription).catch(fail)),
      this.#tend(subscription).catch(fail),
    ])
  }

  async #read(events: readonly string[], subscription: Subscription): Promise<void> {
    const { newReader, commands, isCluster } = this.#options
    const { stop } = subscription
    const reader = isCluster ? commands : newReader()
    // A read that blocks ends with its connection.
    const onStop = () => {
      if (reader !== commands) reader.disconnect()
    }
    stop.addEventListener("abort", onStop)
    const outage = new ReadingOutage(this.#options.log)
    let isJoined = false
    while (!stop.aborted) {
      try {
        if (!isJoined) for (const event of events) await joinGroup(reader, event, this.#options)
        isJoined = true
        await this.#room(stop)
        if (stop.aborted) break
        const isEmpty = !(await this.#readOnce(reader, events, subscription))
        outage.worked()
        if (isCluster && isEmpty) await this.#rest(POLL_MS, stop)
      } catch (error) {
        if (stop.aborted) break
        isJoined = false
        if (outage.failed(error, events[0] ?? "")) await this.#rest(RETRY_MS, stop)
      }
    }
    onStop()
  }

  async #readOnce(reader: Client, events: readonly string[], subscription: Subscription): Promise<boolean> {
    const { group, name, isCluster } = this.#options
    const count = Math.min(MAX_CHUNK, this.#options.maxUnacknowledged - this.#held.size)
    const words = ["GROUP", group, name, "COUNT", String(count)]
    const replies = isCluster
      ? await Promise.all(events.map((event) => reader.callBuffer("XREADGROUP", [...words, "STREAMS", event, ">"])))
      : [
          await reader.callBuffer("XREADGROUP", [
            ...[...words, "BLOCK", String(BLOCK_MS)],
            ...["STREAMS", ...events, ...events.map(() => ">")],
          ]),
        ]
    let isAny = false
    for (const { stream, entries } of replies.flatMap(readStreams)) {
      for (const entry of entries) this.#hold(stream, entry, subscription)
      isAny ||= entries.length > 0
    }
    return isAny
  }

  /** Now and then: takes over what dead members left, and trims what is past its time, which producers seldom do. */
  async #tend(subscription: Subscription): Promise<void> {
    const { stop, events } = subscription
    while (!stop.aborted) {
      for (const event of events) {
        if (stop.aborted) return
        await this.#claim(event, subscription)
        await this.#trim(event)
      }
      await this.#rest(CLAIM_EVERY_MS, stop)
    }
  }

  async #claim(event: string, subscription: Subscription): Promise<void> {
    const { commands, log } = this.#options
    if (this.#held.size >= this.#options.maxUnacknowledged) return
    try {
      const isHeld = (id: string) => this.#held.has(keyOf(event, id))
      const entries = await claim(event, isHeld, { ...this.#options, client: commands, membership: this.#options })
      for (const entry of entries) this.#hold(event, entry, subscription)
    } catch (error) {
      if (!isPassing(error)) log.debug({ err: error, event }, "packets of others could not be taken over")
    }
  }

  async #trim(event: string): Promise<void> {
    const { commands, trimming, clock, log } = this.#options
    const words = trimWords(trimming, clock.wallMs())
    if (words.length === 0) return
    try {
      await commands.call("XTRIM", [event, ...words])
    } catch (error) {
      if (!isPassing(error)) log.debug({ err: error, event }, "old packets could not be trimmed")
    }
  }

  #hold(event: string, entry: Entry, subscription: Subscription): void {
    const held = { event, entry, subscription }
    this.#held.set(keyOf(event, entry.id), held)
    subscription.waiting.push(held)
    subscription.onChange()
  }

  #release({ event, entry }: Held): boolean {
    const wasHeld = this.#held.delete(keyOf(event, entry.id))
    for (const wake of this.#onRoom) wake()
    return wasHeld
  }

  #delivery(held: Held): Delivery {
    const { commands, group, reply } = this.#options
    const { event, entry, subscription } = held
    return {
      event,
      ...circumstances(entry),
      data() {
        if (entry.data === null) throw new BodyError(`Cannot decode entry ${entry.id}: it has no field "data".`)
        return decodeBody(entry.data)
      },
      ack: async () => {
        await commands.call("XACK", [event, group, entry.id])
        this.#release(held)
      },
      nack: async () => {
        if (!this.#held.has(keyOf(event, entry.id))) return
        await this.#giveBack([held])
        if (!subscription.stop.aborted) await this.#claim(event, subscription)
      },
      reply: (data) => reply(event, entry, data),
    }
  }

  /** Makes entries so old that the next pass of any member takes them over. */
  async #giveBack(all: readonly Held[]): Promise<void> {
    const { commands, group, name, claimAfterMs, clock, log } = this.#options
    const byEvent = Map.groupBy(all, ({ event }) => event)
    const commandsSent = [...byEvent].map(([event, held]) => {
      const ids = held.map(({ entry }) => entry.id)
      return commands.call("XCLAIM", [event, group, name, "0", ...ids, "IDLE", String(claimAfterMs), "JUSTID"])
    })
    for (const held of all) this.#release(held)
    if (commandsSent.length === 0) return
    const given = Promise.all(commandsSent).catch((error: unknown) => {
      log.debug({ err: error }, "packets could not be given back: others take them over later")
    })
    await settlesWithin(clock, GIVE_BACK_WITHIN_MS, given)
  }

  /** Resolves once there is room for more, or at `stop`. */
  #room(stop: AbortSignal): Promise<void> {
    if (this.#held.size < this.#options.maxUnacknowledged || stop.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        if (this.#held.size >= this.#options.maxUnacknowledged && !stop.aborted) return
        this.#onRoom.delete(done)
        stop.removeEventListener("abort", done)
        resolve()
      }
      this.#onRoom.add(done)
      stop.addEventListener("abort", done)
    })
  }

  async #rest(durationMs: number, stop: AbortSignal): Promise<void> {
    await sleep(this.#options.clock, durationMs, stop).catch(() => {})
  }
}

function keyOf(event: string, id: string): string {
  return `${event} ${id}`
}

/** The group is not made yet, or the connection was closed on purpose. */
function isPassing(error: unknown): boolean {
  return error instanceof Error && (error.message.startsWith("NOGROUP") || error.message === "Connection is closed.")
}
