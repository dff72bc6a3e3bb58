// Reading packets from standard input, and handing each to whoever consumes its event. Input is read only as fast as
// deliveries are taken. What cannot be delivered is refused with a log line, since a pipe takes nothing back.

import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import type { Delivery } from "../broker.ts"
import { noCalls } from "./call.ts"
import { MessageParser } from "./messages.ts"

/** Messages that wait for one consumer before reading stops. */
export const MAX_WAITING_MESSAGES = 1_000
/** However much is refused, one line in this time says so. */
const REFUSAL_LOG_INTERVAL_MS = 1_000

export interface StdioConsumerOptions {
  readonly input: AsyncIterable<Uint8Array>
  readonly logger: Logger
  readonly clock: Clock
  /** Aborts when the broker closes. */
  readonly closing: AbortSignal
}

interface Message {
  readonly event: string
  readonly data: unknown
}

interface Subscription {
  readonly events: ReadonlySet<string>
  readonly waiting: Message[]
  /** Tells the consumer that a message waits, or that it must stop. */
  onMessage: () => void
  /** Tells the reader that there is room again. */
  onRoom: () => void
}

export class StdioConsumer {
  readonly #options: StdioConsumerOptions
  readonly #subscriptions = new Set<Subscription>()
  #reading = false
  #refused = 0
  #lastRefusalLogMs = Number.NEGATIVE_INFINITY

  constructor(options: StdioConsumerOptions) {
    this.#options = options
  }

  /** What arrives for the events, until `signal` aborts or the broker closes; the end of input ends nothing. */
  async *deliveries(events: readonly string[], signal: AbortSignal): AsyncGenerator<Delivery> {
    const stop = AbortSignal.any([signal, this.#options.closing])
    const subscription: Subscription = { events: new Set(events), waiting: [], onMessage: () => {}, onRoom: () => {} }
    const onStop = () => subscription.onMessage()
    stop.addEventListener("abort", onStop)
    this.#subscriptions.add(subscription)
    this.#startReading()
    try {
      while (!stop.aborted) {
        const message = subscription.waiting.shift()
        if (message === undefined) await this.#nextMessage(subscription)
        else yield this.#delivery(message, subscription)
        subscription.onRoom()
      }
    } finally {
      stop.removeEventListener("abort", onStop)
      this.#subscriptions.delete(subscription)
      for (const { event } of subscription.waiting.splice(0)) this.#refuse(lateSentence(event))
      subscription.onRoom()
    }
  }

  #nextMessage(subscription: Subscription): Promise<void> {
    return new Promise((resolve) => {
      subscription.onMessage = resolve
    })
  }

  #startReading(): void {
    if (this.#reading) return
    this.#reading = true
    this.#read().catch((error: unknown) => {
      this.#options.logger.error(
        { err: error },
        "Cannot read standard input any more: no packets can be sent that way.",
      )
    })
  }

  async #read(): Promise<void> {
    const parser = new MessageParser()
    for await (const chunk of this.#options.input) {
      for (const parsed of parser.push(chunk)) {
        if (this.#options.closing.aborted) return
        if (parsed.type === "refused") this.#refuse(parsed.reason)
        else await this.#route(parsed)
      }
    }
    const cut = parser.end()
    if (cut?.type === "refused") this.#refuse(cut.reason)
    this.#options.logger.debug({}, "Standard input has ended.")
  }

  async #route(message: Message): Promise<void> {
    const subscription = this.#subscriptionFor(message.event)
    if (subscription === undefined) return this.#refuse(strangeSentence(message.event))
    subscription.waiting.push(message)
    subscription.onMessage()
    while (subscription.waiting.length >= MAX_WAITING_MESSAGES) {
      await new Promise<void>((resolve) => {
        subscription.onRoom = resolve
      })
    }
  }

  #subscriptionFor(event: string): Subscription | undefined {
    for (const subscription of this.#subscriptions) if (subscription.events.has(event)) return subscription
    return undefined
  }

  #delivery(message: Message, subscription: Subscription): Delivery {
    const { event, data } = message
    return {
      event,
      data: () => data,
      ack: async () => {},
      nack: async () => {
        if (!this.#subscriptions.has(subscription)) return this.#refuse(lateSentence(event))
        subscription.waiting.unshift(message)
        subscription.onMessage()
      },
      reply: () => Promise.reject(noCalls(`reply to ${event}`)),
    }
  }

  #refuse(sentence: string): void {
    const { clock, logger } = this.#options
    this.#refused += 1
    if (clock.nowMs() - this.#lastRefusalLogMs < REFUSAL_LOG_INTERVAL_MS) return
    this.#lastRefusalLogMs = clock.nowMs()
    logger.warn({ refused: this.#refused }, sentence)
  }
}

function lateSentence(event: string): string {
  return `Cannot deliver event ${event} from standard input: its consumer has stopped.`
}

function strangeSentence(event: string): string {
  return `Cannot deliver event ${event.slice(0, 64)} from standard input: this gateway takes SEND and the ids of its shards.`
}
