// The broker over Redis Streams, with the API of `@spectacles/brokers`.

import { randomBytes } from "node:crypto"
import { systemClock } from "../../flow/clock.ts"
import { Broker, listOf, type Options, type ResponseOptions } from "../broker.ts"
import {
  type CloseOptions,
  type ConsumeOptions,
  DEFAULT_DRAIN_WITHIN_MS,
  DEFAULT_MAX_DELIVERIES,
  type MessageOf,
  type WatchedOf,
} from "../message.ts"
import { RedisCalls } from "./calls.ts"
import { ownConnection, type RedisClient } from "./client.ts"
import { DATA_FIELD, text } from "./entry.ts"
import { GroupMember } from "./group.ts"
import { watchStreams } from "./watch.ts"
import { Worker } from "./worker.ts"

/** Settings of a Redis broker. */
export interface RedisOptions extends Options {
  /** How long a read waits for something new, in milliseconds. Default 5,000. */
  readonly blockInterval?: number
  /** How many messages a read takes at most. Default 10. */
  readonly maxChunk?: number
  /** Of this worker, in its group. Default: random. */
  readonly name?: string
  /**
   * A message that a worker has had for this long, in milliseconds, is taken to be a dead worker's and goes to another.
   * Work that may last longer needs more. 0: never, and what is given back stays pending as well. Default 60,000.
   */
  readonly claimAfterMs?: number
  /** How often a message is given out before it is set aside in the stream `{group}:{event}:dead`. Default 5. */
  readonly maxDeliveries?: number
}

/** What a listener of a Redis broker gets beside the data. */
export interface RedisResponseOptions extends ResponseOptions {
  /** 1 for the first delivery. */
  readonly attempt: number
  readonly ack: () => Promise<void>
  /** Failed: it comes again a little later, to any worker of the group. */
  readonly nack: () => Promise<void>
}

/** Settings of a call. */
export interface PublishOptions {
  /** In milliseconds. Default 5,000. */
  readonly timeout?: number
}

const DEFAULT_CLAIM_AFTER_MS = 60_000

/** Says that the caller of this entry subscribed before it asked, so that our proxy replies once instead of to be sure. */
const LISTENING_FIELD = "listening"

/**
 * A broker over Redis Streams. Members of one group share its messages; each group gets all of them.
 * The client given is used for commands, and duplicated for what waits. It may be a cluster's.
 * @example
 * const broker = new Redis("commands", new RedisClient("redis://localhost"))
 * broker.on("MESSAGE_CREATE", async (message, { ack }) => {
 *   console.log(message.content)
 *   await ack()
 * })
 * await broker.subscribe("MESSAGE_CREATE")
 */
export class Redis<Client extends RedisClient = RedisClient> extends Broker<RedisResponseOptions> {
  group: string
  redis: Client
  name: string
  blockInterval: number
  maxChunk: number
  readonly #calls: RedisCalls
  readonly #worker: Worker
  readonly #watches = new Set<() => void>()

  constructor(group: string, redis: Client, options: RedisOptions = {}) {
    super(options)
    this.group = group
    this.redis = redis
    this.name = options.name || randomBytes(20).toString("hex")
    this.blockInterval = options.blockInterval || 5_000
    this.maxChunk = options.maxChunk || 10
    const { claimAfterMs = DEFAULT_CLAIM_AFTER_MS, maxDeliveries = DEFAULT_MAX_DELIVERIES } = options
    const connect = () => this.#connect()
    this.#calls = new RedisCalls(connect)
    this.#worker = new Worker({
      redis,
      connect,
      member: new GroupMember({ redis, group, name: this.name, claimAfterMs, maxDeliveries }),
      limits: this,
      read: (body) => this.deserialize(body),
      write: (data) => this.serialize(data),
      onMessage: ({ event, data, ...options }) => this.emit(event, data, options),
      onDeadLetter: (letter) => this.emit("deadLetter", letter),
      onError: (error) => this.#fail(error),
      onThrown: (error) => this.emit("error", error),
      clock: systemClock,
    })
  }

  /**
   * Appends to the event's stream. Resolves to the entry's id once Redis has it.
   * @example const entry = await broker.publish("REMINDER_DUE", { user: "80351110224678912" })
   */
  async publish(event: string, data: unknown): Promise<string> {
    return this.#add(event, this.serialize(data))
  }

  /**
   * Publishes a request and resolves to the reply.
   * @example const reply = await broker.call("REQUEST", { method: "GET", path: "/users/@me" })
   * @throws CallTimeoutError when none comes in time.
   */
  async call(method: string, data: unknown, options: PublishOptions = {}): Promise<unknown> {
    const timeoutMs = options.timeout ?? Broker.DEFAULT_EXPIRATION
    const publish = () => this.#add(method, this.serialize(data), LISTENING_FIELD, "1")
    return this.deserialize(await this.#calls.call(method, publish, timeoutMs))
  }

  subscribe(events: string | string[]): Promise<void> {
    return this.#worker.subscribe(listOf(events))
  }

  unsubscribe(events: string | string[]): Promise<void> {
    return this.#worker.unsubscribe(listOf(events))
  }

  consume<const Event extends string>(
    events: Event | readonly Event[],
    options: ConsumeOptions = {},
  ): AsyncIterableIterator<MessageOf<Event>> {
    // The worker reads these events and no others.
    return this.#worker.messages(listOf(events), options) as AsyncIterableIterator<MessageOf<Event>>
  }

  async watch<const Event extends string>(
    events: Event | readonly Event[],
    listener: (message: WatchedOf<Event>) => void,
  ): Promise<() => void> {
    const end = await watchStreams({
      redis: this.redis,
      connect: () => this.#connect(),
      events: listOf(events),
      onEntry: ({ event, body }) => {
        // These streams are read and no others.
        if (body !== undefined) listener({ event, data: this.deserialize(body) } as WatchedOf<Event>)
      },
      onError: (error) => this.#fail(error),
      clock: systemClock,
    })
    const stop = () => {
      this.#watches.delete(stop)
      end()
    }
    this.#watches.add(stop)
    return stop
  }

  /** Drops all connections at once, the one given too. What is in hand goes to other workers when its time is over. */
  disconnect(): void {
    this.redis.disconnect(false)
    this.#worker.disconnect()
    this.#disconnectOthers()
  }

  /** The client that was given stays connected: it is its owner's to close. */
  async close({ drainWithinMs = DEFAULT_DRAIN_WITHIN_MS }: CloseOptions = {}): Promise<void> {
    await this.#worker.close(drainWithinMs)
    this.#disconnectOthers()
  }

  async #add(event: string, body: Buffer, ...more: string[]): Promise<string> {
    return text(await this.redis.call("xadd", event, "*", DATA_FIELD, body, ...more))
  }

  #disconnectOthers(): void {
    this.#calls.close(new Error("Cannot wait for the reply: the broker was closed."))
    for (const stop of [...this.#watches]) stop()
  }

  #connect(): RedisClient {
    return ownConnection(this.redis, (error) => this.#fail(error))
  }

  /** What is mended by itself is told to those who listen. Without a listener `emit` would throw, and end the reading. */
  #fail(error: unknown): void {
    if (this.listenerCount("error") > 0) this.emit("error", error)
  }
}
