// Requests that wait for a reply: an exclusive queue of our own, and a correlation id for each call.

import type { ChannelModel, ConsumeMessage } from "amqplib"
import type { Clock } from "../../flow/clock.ts"
import { decodeBody } from "../body.ts"
import { BrokerClosedError } from "../broker.ts"

export interface CallsOptions {
  readonly clock: Clock
  readonly onBroken: (reason: Error) => void
}

export interface Request {
  readonly replyTo: string
  readonly correlationId: string
}

interface Waiting {
  readonly resolve: (reply: Uint8Array) => void
  readonly reject: (error: Error) => void
}

export class Calls {
  readonly #options: CallsOptions
  /** By correlation id. Bounded by what callers have in hand, each with its own deadline. */
  readonly #waiting = new Map<string, Waiting>()
  #connection: ChannelModel | null = null
  #queue: Promise<string> | null = null
  /** Those who wait for a connection. */
  #whenUp = Promise.withResolvers<void>()

  constructor(options: CallsOptions) {
    this.#options = options
  }

  /**
   * Publishes a request and resolves to the decoded reply. A reply after the timeout is dropped.
   * @throws Error when no reply came in time, or the connection that it would have come by was lost.
   */
  async call(event: string, timeoutMs: number, publish: (request: Request) => Promise<void>): Promise<unknown> {
    const correlationId = crypto.randomUUID()
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    this.#waiting.set(correlationId, { resolve, reject })
    const cancel = this.#options.clock.after(timeoutMs, () => {
      reject(new Error(`Cannot finish the call to ${event}: no reply came within ${timeoutMs} ms.`))
    })
    try {
      // The reply may overtake the confirm of the request.
      const published = this.#replyQueue().then(async (replyTo) => {
        // Nobody waits any more: the queue came too late.
        if (!this.#waiting.has(correlationId)) return
        await publish({ replyTo, correlationId })
      })
      published.catch(reject)
      return decodeBody(await promise)
    } finally {
      cancel()
      this.#waiting.delete(correlationId)
    }
  }

  /** Replies come by this connection now. */
  up(connection: ChannelModel): void {
    this.#connection = connection
    this.#whenUp.resolve()
  }

  /** The queue of replies is gone with its connection. */
  down(): void {
    if (this.#connection !== null) this.#whenUp = Promise.withResolvers()
    this.#connection = null
    if (this.#queue !== null) this.#rejectAll(new Error("Cannot finish a call: the connection to RabbitMQ was lost."))
    this.#queue = null
  }

  close(): void {
    this.#rejectAll(new BrokerClosedError("Cannot wait for a reply: the broker was closed."))
  }

  async #replyQueue(): Promise<string> {
    await this.#whenUp.promise
    if (this.#connection === null) return this.#replyQueue()
    this.#queue ??= this.#declare(this.#connection)
    return this.#queue
  }

  async #declare(connection: ChannelModel): Promise<string> {
    const channel = await connection.createChannel()
    const broken = (reason: Error) => {
      if (this.#connection === connection) this.#options.onBroken(reason)
    }
    channel.on("error", broken)
    channel.on("close", () => broken(new Error("the server has closed the channel of replies")))
    const { queue } = await channel.assertQueue("", { exclusive: true, durable: false, autoDelete: true })
    await channel.consume(queue, (reply) => this.#onReply(reply), { noAck: true })
    return queue
  }

  #onReply(reply: ConsumeMessage | null): void {
    const id: unknown = reply?.properties.correlationId
    if (reply !== null && typeof id === "string") this.#waiting.get(id)?.resolve(reply.content)
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
  }
}
