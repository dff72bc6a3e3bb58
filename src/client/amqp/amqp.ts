// The broker over AMQP 0-9-1 (RabbitMQ), with the API of `@spectacles/brokers`.

import { randomUUID } from "node:crypto"
import type {
  Options as Amqplib,
  Replies as AmqplibReplies,
  ChannelModel,
  ConfirmChannel,
  ConsumeMessage,
  SocketOptions,
} from "amqplib"
import { systemClock } from "../../flow/clock.ts"
import { decode, decodeTyped, encode, MESSAGE_PACK } from "../body.ts"
import { Broker, listOf, type Options } from "../broker.ts"
import { InHand } from "../in-hand.ts"
import {
  type CloseOptions,
  type ConsumeOptions,
  DEFAULT_DRAIN_WITHIN_MS,
  DEFAULT_MAX_DELIVERIES,
  DEFAULT_PREFETCH,
  type Message,
  type MessageOf,
  type WatchedOf,
} from "../message.ts"
import { Replies } from "../replies.ts"
import { Consumption } from "./consumption.ts"
import { Link } from "./link.ts"
import { type AmqpResponseOptions, Listeners } from "./listeners.ts"
import { assertExchange, bindQueue } from "./queues.ts"
import { Watch } from "./watch.ts"

/** Settings of an AMQP broker. */
export interface AmqpOptions extends Options {
  /** Between tries to connect, in milliseconds. Default: longer each time, up to 10 s. */
  readonly reconnectTimeout?: number
  /** How listeners consume, as amqplib takes it. */
  readonly consume?: Amqplib.Consume
  /** How queues are declared, as amqplib takes it. Default: durable. */
  readonly assert?: Amqplib.AssertQueue
  /**
   * How often `consume` gives a message out before it is set aside in the queue `{group}:{event}:dead`. Default 5.
   */
  readonly maxDeliveries?: number
}

/**
 * A broker over RabbitMQ. A group is an exchange; each event has a queue, which the workers share.
 * @example
 * const broker = new Amqp("gateway")
 * await broker.connect("localhost")
 * broker.on("MESSAGE_CREATE", (message, { ack }) => {
 *   console.log(message.content)
 *   ack()
 * })
 * await broker.subscribe("MESSAGE_CREATE")
 */
export class Amqp extends Broker<AmqpResponseOptions> {
  /** The channel for publishing and for listeners; undefined until it is connected. */
  channel: ConfirmChannel | undefined
  /** The queue for replies. */
  callback: string | undefined
  /** Also the exchange. */
  group: string
  /** Divides a group: each subgroup gets everything. */
  subgroup: string | undefined
  options: AmqpOptions
  readonly #link: Link
  readonly #replies = new Replies<ConsumeMessage>()
  readonly #inHand = new InHand()
  readonly #closing = new AbortController()
  readonly #listeners: Listeners
  readonly #consumptions = new Set<Consumption>()
  readonly #watches = new Set<Watch>()
  #connection: ChannelModel | undefined

  constructor(group?: string, options?: AmqpOptions)
  constructor(group?: string, subgroup?: string, options?: AmqpOptions)
  constructor(group = "default", subgroup?: string | AmqpOptions, options?: AmqpOptions) {
    const given = typeof subgroup === "object" ? subgroup : (options ?? {})
    super(given)
    this.group = group
    this.subgroup = typeof subgroup === "object" ? undefined : subgroup
    this.options = given
    this.#listeners = new Listeners({
      names: this,
      consume: given.consume,
      assert: given.assert,
      inHand: this.#inHand,
      read: (message) => this.#read(message),
      reply: (message, data) => this.#reply(message, data),
      emit: (event, data, options) => this.emit(event, data, options),
      onError: (error) => this.emit("error", error),
    })
    this.#link = new Link({
      onOpen: (connection) => this.#open(connection),
      onLost: (error) => this.emit("close", error),
      reconnectMs: given.reconnectTimeout,
      clock: systemClock,
    })
  }

  /**
   * Connects, however many tries that takes, and again whenever the connection breaks; `close` events tell of both.
   * @param urlOrConnection a URL, a host's name, or a connection of amqplib, which is then its owner's to mend and close
   * @param options for the socket, as amqplib takes them
   * @example await broker.connect("amqp://user:password@localhost")
   */
  connect(urlOrConnection: string | ChannelModel, options?: SocketOptions): Promise<ChannelModel> {
    if (typeof urlOrConnection === "string") return this.#link.connect(urlOrConnection, options)
    return this.#link.adopt(urlOrConnection)
  }

  /**
   * Declares an event's queue, so that nothing published from then on is lost. Resolves to its name.
   * @example await broker.createQueue("REMINDER_DUE")
   */
  createQueue(event: string): Promise<string> {
    return bindQueue(this.#opened(), this, event, this.options.assert)
  }

  /**
   * Publishes an event to the group's exchange. `close` waits until RabbitMQ has it.
   * @example broker.publish("REMINDER_DUE", { user: "80351110224678912" }, { expiration: 60_000 })
   * @throws Error while there is no connection.
   */
  publish(event: string, data: unknown, options: Amqplib.Publish = {}): void {
    this.#opened().publish(this.group, event, this.serialize(data), { ...this.#labels(), ...options })
  }

  /**
   * Publishes a request and resolves to the reply. `expiration`, in milliseconds, is how long both have. Default 5,000.
   * @example const forecast = await broker.call("WEATHER", { city: "Riga" }, { expiration: 1_000 })
   * @throws CallTimeoutError when none comes in time.
   */
  async call(method: string, data: unknown, options: Amqplib.Publish = {}): Promise<unknown> {
    const correlationId = randomUUID()
    const replyTo = this.callback === undefined ? {} : { replyTo: this.callback }
    this.publish(method, data, { ...options, ...replyTo, correlationId })
    const { expiration = Broker.DEFAULT_EXPIRATION } = options
    return this.#read(await this.#replies.wait(method, correlationId, Number(expiration)))
  }

  /** Resolves to what RabbitMQ said of each consumer. */
  subscribe(events: string | string[]): Promise<AmqplibReplies.Consume[]> {
    return Promise.all(listOf(events).map((event) => this.#listeners.subscribe(event, this.#opened())))
  }

  /** Resolves to whether each was subscribed. */
  unsubscribe(events: string | string[]): Promise<boolean[]> {
    return Promise.all(listOf(events).map((event) => this.#listeners.unsubscribe(event, this.#opened())))
  }

  consume<const Event extends string>(
    events: Event | readonly Event[],
    options: ConsumeOptions = {},
  ): AsyncIterableIterator<MessageOf<Event>> {
    // These queues are consumed and no others.
    return this.#messages(listOf(events), options) as AsyncIterableIterator<MessageOf<Event>>
  }

  async watch<const Event extends string>(
    events: Event | readonly Event[],
    listener: (message: WatchedOf<Event>) => void,
  ): Promise<() => void> {
    const watch = new Watch({
      names: this,
      events: listOf(events),
      onMessage: (message) => {
        // These events are bound and no others.
        listener({ event: message.fields.routingKey, data: this.#read(message) } as WatchedOf<Event>)
      },
      onError: (error) => this.#fail(error),
    })
    await watch.open(this.#connected())
    this.#watches.add(watch)
    return () => {
      this.#watches.delete(watch)
      watch.end()
    }
  }

  /** A connection that was given stays open: it is its owner's to close. */
  async close({ drainWithinMs = DEFAULT_DRAIN_WITHIN_MS }: CloseOptions = {}): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    const channel = this.channel
    await this.#listeners.stop(channel)
    for (const consumption of this.#consumptions) void this.#leave(consumption)
    await this.#inHand.drained(drainWithinMs, systemClock)
    await Promise.all([...this.#consumptions].map((consumption) => consumption.end()))
    for (const watch of this.#watches) watch.end()
    this.#replies.rejectAll(new Error("Cannot wait for the reply: the broker was closed."))
    // A channel that broke has nothing left to confirm.
    await channel?.waitForConfirms().catch(() => {})
    await channel?.close().catch(() => {})
    await this.#link.close()
  }

  async *#messages(
    events: readonly string[],
    { prefetch = DEFAULT_PREFETCH, signal }: ConsumeOptions,
  ): AsyncGenerator<Message, void, undefined> {
    const closing = this.#closing.signal
    const end = new AbortController()
    const consumption = new Consumption({
      names: this,
      events,
      prefetch,
      assert: this.options.assert,
      maxDeliveries: this.options.maxDeliveries ?? DEFAULT_MAX_DELIVERIES,
      inHand: new InHand(this.#inHand),
      read: (message) => this.#read(message),
      reply: (message, data) => this.#reply(message, data),
      onDeadLetter: (letter) => this.emit("deadLetter", letter),
      onError: (error) => this.#fail(error),
      clock: systemClock,
      stop: AbortSignal.any([closing, end.signal, ...(signal === undefined ? [] : [signal])]),
    })
    await consumption.open(this.#connected())
    this.#consumptions.add(consumption)
    try {
      yield* consumption.messages()
    } finally {
      end.abort()
      void this.#leave(consumption)
    }
  }

  /** A loop may have been left with messages still being worked on: their channel stays until they are settled. */
  async #leave(consumption: Consumption): Promise<void> {
    await consumption.leave()
    this.#consumptions.delete(consumption)
    await consumption.end()
  }

  async #open(connection: ChannelModel): Promise<void> {
    const channel = await connection.createConfirmChannel()
    channel.on("error", (error: Error) => this.emit("error", error))
    const { queue } = await channel.assertQueue("", { exclusive: true })
    await channel.consume(queue, (message) => this.#settle(message), { noAck: true })
    await assertExchange(channel, this)
    await this.#listeners.resume(channel)
    await Promise.all([...this.#consumptions, ...this.#watches].map((one) => one.open(connection)))
    // Last, so that whoever publishes on it is heard by all of these.
    this.#connection = connection
    this.channel = channel
    this.callback = queue
  }

  #settle(message: ConsumeMessage | null): void {
    const id: unknown = message?.properties.correlationId
    if (message !== null && typeof id === "string") this.#replies.settle(id, message)
  }

  async #reply({ properties }: ConsumeMessage, data: unknown): Promise<void> {
    const replyTo: unknown = properties.replyTo
    // Who published without a call waits for nothing.
    if (typeof replyTo !== "string" || replyTo === "") return
    const correlationId: unknown = properties.correlationId
    const labels = { ...this.#labels(), ...(typeof correlationId === "string" && { correlationId }) }
    this.#opened().sendToQueue(replyTo, this.serialize(data), labels)
  }

  #read({ content, properties }: ConsumeMessage): unknown {
    if (this.deserialize !== decode) return this.deserialize(content)
    return decodeTyped(content, properties.contentType)
  }

  /** Says what the body is, where it is known. */
  #labels(): Amqplib.Publish {
    return this.serialize === encode ? { contentType: MESSAGE_PACK } : {}
  }

  #opened(): ConfirmChannel {
    if (this.channel === undefined) throw new Error("Cannot use the broker: it has no channel; call connect first.")
    return this.channel
  }

  #connected(): ChannelModel {
    if (this.#connection === undefined)
      throw new Error("Cannot use the broker: it has no connection; call connect first.")
    return this.#connection
  }

  /** What is mended by itself is told to those who listen. */
  #fail(error: unknown): void {
    if (this.listenerCount("error") > 0) this.emit("error", error)
  }
}
