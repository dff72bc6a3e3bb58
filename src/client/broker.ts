// What every broker of the library has: the API of `@spectacles/brokers`, and typed events.

import { EventEmitter } from "node:events"
import { decode, encode } from "./body.ts"
import type { GatewayEvents } from "./events.ts"
import type { CloseOptions, ConsumeOptions, DeadLetter, MessageOf, WatchedOf } from "./message.ts"
import { DEFAULT_CALL_TIMEOUT_MS } from "./replies.ts"

/**
 * Settings of every broker. Written as methods so that a function over a narrower type may be given.
 * @example new Amqp("group", { serialize: (text: string) => Buffer.from(text), deserialize: (bytes) => bytes.toString() })
 */
export interface Options {
  /** Makes a body of what is published. Default: MessagePack. */
  serialize?(data: unknown): Buffer
  /** Reads a body. Default: MessagePack or JSON, told apart. */
  deserialize?(data: Buffer): unknown
}

export type Serialize = NonNullable<Options["serialize"]>
export type Deserialize = NonNullable<Options["deserialize"]>

/** What a listener gets beside the data. */
export interface ResponseOptions {
  /**
   * The same for every delivery of one event, also when the gateway published it twice after a crash.
   */
  readonly id: string
  /**
   * While the bot is resharded: the same for one event that two sessions of the gateway told of, whose ids differ. Absent where the
   * event's content does not name it.
   */
  readonly key?: string
  /** Answers whoever sent the message by `call`. */
  readonly reply: (data: unknown) => Promise<void>
}

/**
 * A message broker: events come from the gateway, and go to it or to other services.
 * Listeners get `(data, options)`. An `error` event carries failures of reading, a `deadLetter` event tells of a
 * message that was set aside.
 */
export abstract class Broker<Response extends ResponseOptions = ResponseOptions> extends EventEmitter {
  /** How long a call waits for its reply, in milliseconds. */
  static DEFAULT_EXPIRATION = DEFAULT_CALL_TIMEOUT_MS
  serialize: Serialize
  deserialize: Deserialize

  constructor(options: Options = {}) {
    super()
    this.serialize = options.serialize ?? encode
    this.deserialize = options.deserialize ?? decode
  }

  /**
   * Publishes an event.
   * @example await broker.publish("REMINDER_DUE", { user: "80351110224678912" })
   */
  abstract publish(event: string, data: unknown, options?: object): unknown

  /**
   * Publishes a request and resolves to its reply.
   * @example const forecast = await broker.call("WEATHER", { city: "Riga" })
   * @throws CallTimeoutError when none comes in time.
   */
  abstract call(method: string, data: unknown, options?: object): Promise<unknown>

  /**
   * Messages one after another, to be acknowledged each. Ends when the broker closes or the signal aborts.
   * @example
   * for await (const message of broker.consume(["MESSAGE_CREATE", "GATEWAY_GAP"])) {
   *   if (message.event === "MESSAGE_CREATE") console.log(message.data.content)
   *   await message.ack()
   * }
   */
  abstract consume<const Event extends string>(
    events: Event | readonly Event[],
    options?: ConsumeOptions,
  ): AsyncIterableIterator<MessageOf<Event>>

  /**
   * Calls `listener` with every message of these events from now on, whatever the groups do: nothing is taken from
   * anybody, and nothing is acknowledged. Resolves once it listens, to what ends it.
   * @example const stop = await broker.watch("GUILD_UPDATE", ({ data }) => cache.set(data.id, data))
   */
  abstract watch<const Event extends string>(
    events: Event | readonly Event[],
    listener: (message: WatchedOf<Event>) => void,
  ): Promise<() => void>

  /**
   * Takes nothing new, waits for the messages in hand, gives back those that were not begun, and disconnects.
   * @example process.once("SIGTERM", () => broker.close({ drainWithinMs: 5_000 }))
   */
  abstract close(options?: CloseOptions): Promise<void>

  /**
   * Starts delivering these events to their listeners.
   * @example await broker.subscribe(["MESSAGE_CREATE", "INTERACTION_CREATE"])
   */
  abstract subscribe(events: string | string[]): unknown

  /**
   * Stops delivering these events.
   * @example await broker.unsubscribe("MESSAGE_CREATE")
   */
  abstract unsubscribe(events: string | string[]): unknown

  override on(event: "error" | "close", listener: (error: Error) => void): this
  override on(event: "deadLetter", listener: (letter: DeadLetter) => void): this
  override on<Event extends keyof GatewayEvents>(event: Event, listener: Listener<GatewayEvents[Event], Response>): this
  override on<Data>(event: string | symbol, listener: Listener<Data, Response>): this
  override on(event: string | symbol, listener: Parameters<EventEmitter["on"]>[1]): this {
    return super.on(event, listener)
  }

  override once(event: "error" | "close", listener: (error: Error) => void): this
  override once(event: "deadLetter", listener: (letter: DeadLetter) => void): this
  override once<Event extends keyof GatewayEvents>(
    event: Event,
    listener: Listener<GatewayEvents[Event], Response>,
  ): this
  override once<Data>(event: string | symbol, listener: Listener<Data, Response>): this
  override once(event: string | symbol, listener: Parameters<EventEmitter["on"]>[1]): this {
    return super.once(event, listener)
  }
}

type Listener<Data, Response> = (data: Data, options: Response) => unknown

/** One event or several, as the methods take them. */
export function listOf<Event extends string>(events: Event | readonly Event[]): readonly Event[] {
  return typeof events === "string" ? [events] : events
}
