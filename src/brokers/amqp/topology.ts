// The exchange and the queues: a durable direct exchange named after the group, and a durable queue for each event. They
// are declared without arguments, so that a client which asserts them plainly finds them as it expects.

import type { Channel } from "amqplib"
import { BrokerFailedError, isOperatorsMatter, reasonOf } from "./failure.ts"

export class Topology {
  /** The name of the exchange. */
  readonly exchange: string
  readonly #subgroup: string | undefined
  /** Events whose queues the server had when they were last declared. */
  readonly #declared = new Set<string>()

  constructor(group: string, subgroup?: string) {
    this.exchange = group
    this.#subgroup = subgroup
  }

  /** The queue of an event: `group:event`, and `group:subgroup:event` for members of a subgroup. */
  queueOf(event: string): string {
    return this.#subgroup === undefined ? `${this.exchange}:${event}` : `${this.exchange}:${this.#subgroup}:${event}`
  }

  has(event: string): boolean {
    return this.#declared.has(event)
  }

  /**
   * Declares the exchange, and a bound queue for each event.
   * @throws BrokerFailedError when the server has them in another shape, or does not let this user declare them.
   */
  async declare(channel: Channel, events: Iterable<string>): Promise<void> {
    const { exchange } = this
    await meant(`exchange "${exchange}"`, channel.assertExchange(exchange, "direct", { durable: true }))
    for (const event of events) {
      const queue = this.queueOf(event)
      await meant(`queue "${queue}"`, channel.assertQueue(queue, { durable: true }))
      await meant(`queue "${queue}"`, channel.bindQueue(queue, exchange, event))
      this.#declared.add(event)
    }
  }

  /** The server may have lost them. */
  forget(): void {
    this.#declared.clear()
  }
}

async function meant(what: string, declared: Promise<unknown>): Promise<void> {
  try {
    await declared
  } catch (error) {
    if (!(error instanceof Error) || !isOperatorsMatter(error)) throw error
    const reason = reasonOf(error)
    const remedy = reason.includes("ACCESS_REFUSED")
      ? "let this user configure, write and read it"
      : "delete it, or choose another broker.group"
    throw new BrokerFailedError(`Cannot declare the ${what}: RabbitMQ says ${reason}; ${remedy}.`, { cause: error })
  }
}
