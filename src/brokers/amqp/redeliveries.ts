// How often a message was given back, so that none comes back for ever. RabbitMQ counts this for quorum queues alone, in a
// header; for the classic queues that are declared here it says only that it is not the first time. So each process counts
// what it gives back itself: a message comes at most this often to each member of a group.

import type { ConsumeMessage } from "amqplib"

/** Times that one message is given back before it is given up. */
export const MAX_REDELIVERIES = 5
/** Messages that are counted at once; past it the one counted longest is forgotten. */
const MAX_COUNTED = 10_000

export class Redeliveries {
  /** Oldest first. */
  readonly #counts = new Map<string, number>()

  /** Counts one more. False when it is one too many. */
  mayComeAgain(event: string, message: ConsumeMessage): boolean {
    const key = keyOf(event, message)
    const counted = this.#counts.get(key) ?? 0
    const { "x-delivery-count": byServer } = message.properties.headers ?? {}
    this.#counts.delete(key)
    if (Math.max(counted, Number(byServer ?? 0)) >= MAX_REDELIVERIES) return false
    this.#counts.set(key, counted + 1)
    const oldest = this.#counts.keys().next().value
    if (this.#counts.size > MAX_COUNTED && oldest !== undefined) this.#counts.delete(oldest)
    return true
  }

  forget(event: string, message: ConsumeMessage): void {
    if (this.#counts.size > 0 && message.fields.redelivered) this.#counts.delete(keyOf(event, message))
  }
}

function keyOf(event: string, { properties, content }: ConsumeMessage): string {
  const id: unknown = properties.messageId
  return `${event} ${typeof id === "string" ? id : Bun.hash(content)}`
}
