// Sees every message of some events from now on, through a queue of its own that goes with the connection.

import type { ChannelModel, ConfirmChannel, ConsumeMessage } from "amqplib"
import { assertExchange, type Names } from "./queues.ts"

export interface WatchOptions {
  readonly names: Names
  readonly events: readonly string[]
  readonly onMessage: (message: ConsumeMessage) => void
  readonly onError: (error: unknown) => void
}

export class Watch {
  readonly #options: WatchOptions
  #channel: ConfirmChannel | undefined
  #ended = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** Begins, or begins again, on this connection. Nothing is seen of the time between two. */
  async open(connection: ChannelModel): Promise<void> {
    const { names, events, onError } = this.#options
    if (this.#ended) return
    const channel = await connection.createConfirmChannel()
    this.#channel = channel
    channel.on("error", onError)
    await assertExchange(channel, names)
    const { queue } = await channel.assertQueue("", { exclusive: true })
    for (const event of events) await channel.bindQueue(queue, names.group, event)
    await channel.consume(queue, (message) => message !== null && this.#see(message), { noAck: true })
  }

  end(): void {
    this.#ended = true
    // One that broke is closed already.
    this.#channel?.close().catch(() => {})
  }

  #see(message: ConsumeMessage): void {
    if (this.#ended) return
    try {
      this.#options.onMessage(message)
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
