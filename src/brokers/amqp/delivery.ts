// One message in a consumer's hand.

import type { Channel, ConsumeMessage } from "amqplib"
import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import { decodeBody } from "../body.ts"
import type { Delivery } from "../broker.ts"
import { MAX_REDELIVERIES, type Redeliveries } from "./redeliveries.ts"

export interface DeliveryContext {
  /** The channel that it came by; null when that is gone. */
  readonly channel: () => Channel | null
  /** Publishes a reply in the form of the request. */
  readonly reply: (request: ConsumeMessage, data: unknown) => Promise<void>
  readonly redeliveries: Redeliveries
  readonly clock: Clock
  readonly log: Logger
  readonly onPoison: (event: string) => void
  readonly onSettled: () => void
}

export class AmqpDelivery implements Delivery {
  readonly event: string
  readonly call?: string
  readonly deadlineWallMs?: number
  readonly #message: ConsumeMessage
  readonly #context: DeliveryContext
  #settled = false

  constructor(event: string, message: ConsumeMessage, context: DeliveryContext) {
    this.event = event
    this.#message = message
    this.#context = context
    const { replyTo, correlationId, expiration } = message.properties
    if (replyTo === undefined) return
    if (correlationId !== undefined) this.call = `${replyTo} ${correlationId}`
    // A call's message lives for as long as its caller waits. When it was published is not said: it was so at the latest now.
    if (expiration !== undefined) this.deadlineWallMs = context.clock.wallMs() + Number(expiration)
  }

  get isRepeated(): boolean {
    return this.#message.fields.redelivered
  }

  data(): unknown {
    return decodeBody(this.#message.content)
  }

  async ack(): Promise<void> {
    this.#context.redeliveries.forget(this.event, this.#message)
    this.#settle("acknowledge", (channel) => channel.ack(this.#message))
  }

  /** Past the limit of redeliveries the message is given up: to the queue's dead-letter exchange, where it has one. */
  async nack(): Promise<void> {
    const { redeliveries, log, onPoison } = this.#context
    if (this.#settled) return
    const again = redeliveries.mayComeAgain(this.event, this.#message)
    if (!again) {
      const fields = { event: this.event, id: this.#message.properties.messageId }
      log.warn(fields, `a message was given back ${MAX_REDELIVERIES + 1} times and is given up`)
      onPoison(this.event)
    }
    this.#settle("give back", (channel) => channel.nack(this.#message, false, again))
  }

  async reply(data: unknown): Promise<void> {
    if (this.#message.properties.replyTo !== undefined) await this.#context.reply(this.#message, data)
  }

  /** Nobody has seen it: it does not count as a redelivery. */
  giveBack(): void {
    if (this.#context.channel() !== null) this.#settle("give back", (channel) => channel.nack(this.#message))
  }

  #settle(what: string, settle: (channel: Channel) => void): void {
    if (this.#settled) return
    const channel = this.#context.channel()
    if (channel === null) {
      throw new Error(
        `Cannot ${what} a message of ${this.event}: the connection it came by is gone, so it comes again.`,
      )
    }
    this.#settled = true
    settle(channel)
    this.#context.onSettled()
  }
}
