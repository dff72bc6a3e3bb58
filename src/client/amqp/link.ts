// The connection to RabbitMQ: made, and made again whenever it breaks.

import type { ChannelModel, SocketOptions } from "amqplib"
import { backoffMs } from "../../flow/backoff.ts"
import { type Clock, sleep } from "../../flow/clock.ts"

const RECONNECT_BACKOFF = { baseMs: 100, capMs: 10_000 }

export interface LinkOptions {
  /** Sets up channels on a fresh connection. A failure counts as one of the connection. */
  readonly onOpen: (connection: ChannelModel) => Promise<void>
  /** A connection broke, or could not be made. It is tried again. */
  readonly onLost: (error: unknown) => void
  /** Between tries. Undefined: longer each time, up to 10 s. */
  readonly reconnectMs: number | undefined
  readonly clock: Clock
}

export class Link {
  readonly #options: LinkOptions
  readonly #closing = new AbortController()
  /** Made here, so closed here. */
  #own: ChannelModel | undefined

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** Uses a connection of somebody else, who mends and closes it. */
  async adopt(connection: ChannelModel): Promise<ChannelModel> {
    await this.#options.onOpen(connection)
    return connection
  }

  /**
   * Connects, however many tries that takes.
   * @param url `amqp://user:password@host:port/vhost`, or a host's name alone
   * @param socketOptions as amqplib takes them
   */
  async connect(url: string, socketOptions: SocketOptions | undefined): Promise<ChannelModel> {
    const { onLost, reconnectMs, clock } = this.#options
    for (let attempt = 1; ; attempt += 1) {
      this.#closing.signal.throwIfAborted()
      try {
        return await this.#dial(url, socketOptions)
      } catch (error) {
        onLost(error)
        await sleep(clock, reconnectMs ?? backoffMs(attempt, RECONNECT_BACKOFF, Math.random()), this.#closing.signal)
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("Cannot connect: the broker was closed."))
    const own = this.#own
    this.#own = undefined
    // One that is broken is closed already.
    await own?.close().catch(() => {})
  }

  async #dial(url: string, socketOptions: SocketOptions | undefined): Promise<ChannelModel> {
    // Loaded when it is needed, so that users of Redis need not have it.
    const { connect } = await import("amqplib")
    const connection = await connect(url.includes("://") ? url : `amqp://${url}`, socketOptions)
    let opened = false
    // What follows it is a close, which is acted upon.
    connection.on("error", () => {})
    connection.on("close", (error?: Error) => {
      // Without an error it was closed on purpose.
      if (!opened || error === undefined || this.#closing.signal.aborted) return
      this.#options.onLost(error)
      this.connect(url, socketOptions).catch(() => {})
    })
    try {
      await this.#options.onOpen(connection)
    } catch (error) {
      await connection.close().catch(() => {})
      throw error
    }
    opened = true
    this.#own = connection
    return connection
  }
}
