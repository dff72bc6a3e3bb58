// One `for await` over AMQP: a channel of its own with a prefetch, opened anew on every connection.

import type { ChannelModel, ConfirmChannel, ConsumeMessage, Options } from "amqplib"
import { type Clock, sleep } from "../../flow/clock.ts"
import type { InHand } from "../in-hand.ts"
import { type DeadLetter, deadLetterName, type Message } from "../message.ts"
import { assertExchange, bindQueue, type Names } from "./queues.ts"
import { attemptOf, publishAgain, setAside } from "./redelivery.ts"

/** A message that failed waits this long before it comes again. */
const RETRY_DELAY_MS = 1_000
const REOPEN_DELAY_MS = 1_000

export interface ConsumptionOptions {
  readonly names: Names
  readonly events: readonly string[]
  readonly prefetch: number
  readonly assert: Options.AssertQueue | undefined
  readonly maxDeliveries: number
  readonly inHand: InHand
  readonly read: (message: ConsumeMessage) => unknown
  readonly reply: (message: ConsumeMessage, data: unknown) => Promise<void>
  readonly onDeadLetter: (letter: DeadLetter) => void
  readonly onError: (error: unknown) => void
  readonly clock: Clock
  readonly stop: AbortSignal
}

/** What arrived, and on which channel it has to be settled. */
interface Arrival {
  readonly event: string
  readonly queue: string
  readonly message: ConsumeMessage
  readonly channel: ConfirmChannel
}

export class Consumption {
  readonly #options: ConsumptionOptions
  /** Not given out yet; RabbitMQ keeps to the prefetch. */
  #arrived: Arrival[] = []
  #channel: ConfirmChannel | undefined
  #wake: (() => void) | undefined

  constructor(options: ConsumptionOptions) {
    this.#options = options
    options.stop.addEventListener("abort", () => this.#wake?.(), { once: true })
  }

  /** Begins, or begins again, on this connection. What the last one had and nobody settled comes again. */
  async open(connection: ChannelModel): Promise<void> {
    const { names, events, prefetch, assert, stop } = this.#options
    if (stop.aborted) return
    this.#arrived = []
    const channel = await connection.createConfirmChannel()
    this.#channel = channel
    channel.on("error", this.#options.onError)
    channel.on("close", () => {
      if (this.#channel === channel) this.#channel = undefined
    })
    await channel.prefetch(prefetch)
    await assertExchange(channel, names)
    for (const event of events) {
      const queue = await bindQueue(channel, names, event, assert)
      await channel.consume(queue, (message) => {
        if (message === null) void this.#reopen(connection, channel)
        else this.#arrive({ event, queue, message, channel })
      })
    }
  }

  async *messages(): AsyncGenerator<Message, void, undefined> {
    const { stop } = this.#options
    while (!stop.aborted) {
      const arrival = this.#arrived.shift()
      const message = arrival === undefined ? undefined : await this.#message(arrival)
      if (message !== undefined) yield message
      else if (this.#arrived.length === 0 && !stop.aborted) await this.#more()
    }
  }

  /** Gives back what was not begun. Resolves once what was begun is settled. */
  async leave(): Promise<void> {
    for (const { channel, message } of this.#arrived.splice(0)) ifOpen(() => channel.nack(message))
    await this.#options.inHand.below(1, NEVER)
  }

  /** What is not settled by now comes again. */
  async end(): Promise<void> {
    const channel = this.#channel
    this.#channel = undefined
    // One that broke is closed already.
    await channel?.close().catch(() => {})
  }

  #arrive(arrival: Arrival): void {
    // What is on its way when the loop ends goes back.
    if (this.#options.stop.aborted) return ifOpen(() => arrival.channel.nack(arrival.message))
    this.#arrived.push(arrival)
    this.#wake?.()
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** The queue was deleted, or its node went away. */
  async #reopen(connection: ChannelModel, channel: ConfirmChannel): Promise<void> {
    const { clock, stop, onError } = this.#options
    if (this.#channel !== channel) return
    this.#channel = undefined
    try {
      await sleep(clock, REOPEN_DELAY_MS, stop)
      await channel.close()
      await this.open(connection)
    } catch (error) {
      if (!stop.aborted) onError(error)
    }
  }

  /** Undefined for one that is not given out: it cannot be read, or killed too many workers. */
  async #message(arrival: Arrival): Promise<Message | undefined> {
    const { event, message, channel } = arrival
    const settled = this.#options.inHand.take()
    // A worker had it and died, which RabbitMQ tells and does not count.
    if (message.fields.redelivered) return void this.#again(arrival).finally(settled)
    let data: unknown
    try {
      data = this.#options.read(message)
    } catch (error) {
      await this.#bury(arrival, error instanceof Error ? error.message : String(error)).finally(settled)
      return undefined
    }
    return {
      event,
      data,
      ...identityOf(message),
      attempt: attemptOf(message),
      ack: async () => {
        if (settled()) ifOpen(() => channel.ack(message))
      },
      nack: async () => {
        void this.#retry(arrival).finally(settled)
      },
      reply: (value) => this.#options.reply(message, value),
    }
  }

  async #retry(arrival: Arrival): Promise<void> {
    const { clock, stop } = this.#options
    await sleep(clock, RETRY_DELAY_MS, stop).catch(() => {})
    await this.#again(arrival)
  }

  /** Publishes it again, or sets it aside when it was given out too often. */
  async #again(arrival: Arrival): Promise<void> {
    const { maxDeliveries, onError } = this.#options
    const { event, queue, message, channel } = arrival
    const attempts = attemptOf(message)
    try {
      if (attempts >= maxDeliveries) {
        const given = `it was given out ${attempts} times and never acknowledged`
        return await this.#bury(arrival, `Cannot deliver ${event} ${idOf(message)}: ${given}.`)
      }
      await publishAgain(channel, queue, message)
      ifOpen(() => channel.ack(message))
    } catch (error) {
      // The channel broke: RabbitMQ delivers it again by itself.
      if (this.#channel === channel) onError(error)
    }
  }

  async #bury({ event, message, channel }: Arrival, reason: string): Promise<void> {
    const { names, onDeadLetter, onError } = this.#options
    const to = deadLetterName(names.subgroup ? `${names.group}:${names.subgroup}` : names.group, event)
    try {
      await setAside(channel, to, message)
      ifOpen(() => channel.ack(message))
      onDeadLetter({ event, id: idOf(message), reason, to })
    } catch (error) {
      if (this.#channel === channel) onError(error)
    }
  }
}

const NEVER = new AbortController().signal

/** The publisher's message id; empty where it gave none. */
export function idOf({ properties }: ConsumeMessage): string {
  const id: unknown = properties.messageId
  return typeof id === "string" ? id : ""
}

/** The message id, and the header `key` that the gateway sets while the bot is resharded. */
export function identityOf(message: ConsumeMessage): { readonly id: string; readonly key?: string } {
  const key: unknown = message.properties.headers?.["key"]
  return { id: idOf(message), ...(typeof key === "string" && { key }) }
}

/** What was delivered on a channel that closed cannot be settled any more: RabbitMQ delivers it again. */
export function ifOpen(settle: () => void): void {
  try {
    settle()
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "IllegalOperationError") throw error
  }
}
