// Consumers for the listeners of a broker, settled by the listeners themselves, as amqplib has it.

import type { ConfirmChannel, ConsumeMessage, Options, Replies } from "amqplib"
import type { ResponseOptions } from "../broker.ts"
import type { InHand } from "../in-hand.ts"
import { identityOf, ifOpen } from "./consumption.ts"
import { bindQueue, type Names } from "./queues.ts"

/** What a listener of an AMQP broker gets beside the data. */
export interface AmqpResponseOptions extends ResponseOptions {
  readonly ack: () => void
  readonly nack: (allUpTo?: boolean, requeue?: boolean) => void
  readonly reject: (requeue?: boolean) => void
}

export interface ListenersOptions {
  readonly names: Names
  readonly consume: Options.Consume | undefined
  readonly assert: Options.AssertQueue | undefined
  readonly inHand: InHand
  readonly read: (message: ConsumeMessage) => unknown
  readonly reply: (message: ConsumeMessage, data: unknown) => Promise<void>
  readonly emit: (event: string, data: unknown, options: AmqpResponseOptions) => void
  readonly onError: (error: unknown) => void
}

export class Listeners {
  readonly #options: ListenersOptions
  /** The consumers' tags by event. */
  readonly #tags = new Map<string, string>()

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  async subscribe(event: string, channel: ConfirmChannel): Promise<Replies.Consume> {
    const { names, assert, consume } = this.#options
    const queue = await bindQueue(channel, names, event, assert)
    const consumer = await channel.consume(queue, (message) => this.#deliver(event, channel, message), consume)
    this.#tags.set(event, consumer.consumerTag)
    return consumer
  }

  /** Whether it was subscribed. */
  async unsubscribe(event: string, channel: ConfirmChannel): Promise<boolean> {
    const tag = this.#tags.get(event)
    if (tag === undefined) return false
    await channel.cancel(tag)
    return this.#tags.delete(event)
  }

  /** Subscribes everything again, on a fresh channel. */
  async resume(channel: ConfirmChannel): Promise<void> {
    await Promise.all([...this.#tags.keys()].map((event) => this.subscribe(event, channel)))
  }

  /** Takes nothing more. */
  async stop(channel: ConfirmChannel | undefined): Promise<void> {
    const tags = [...this.#tags.values()]
    this.#tags.clear()
    await Promise.allSettled(tags.map((tag) => channel?.cancel(tag)))
  }

  #deliver(event: string, channel: ConfirmChannel, message: ConsumeMessage | null): void {
    if (message === null) return
    const { consume, inHand, read, reply, emit, onError } = this.#options
    const settled = consume?.noAck ? () => true : inHand.take()
    const settle = (how: () => void) => {
      settled()
      ifOpen(how)
    }
    try {
      emit(event, read(message), {
        ...identityOf(message),
        reply: (data) => reply(message, data),
        ack: () => settle(() => channel.ack(message)),
        nack: (allUpTo, requeue) => settle(() => channel.nack(message, allUpTo, requeue)),
        reject: (requeue) => settle(() => channel.reject(message, requeue)),
      })
    } catch (error) {
      settle(() => channel.reject(message, false))
      onError(error)
    }
  }
}
