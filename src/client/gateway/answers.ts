// The events in which answers come: watched from the first request on, until the client closes.

import type { WatchedOf } from "../message.ts"
import type { GatewayBroker } from "./send.ts"

export class Answers<const Event extends string> {
  readonly #broker: GatewayBroker
  readonly #events: readonly Event[]
  readonly #listener: (message: WatchedOf<Event>) => void
  #watching: Promise<() => void> | undefined

  constructor(broker: GatewayBroker, events: readonly Event[], listener: (message: WatchedOf<Event>) => void) {
    this.#broker = broker
    this.#events = events
    this.#listener = listener
  }

  /** Resolves once they are watched: a request may leave then. */
  async watch(): Promise<void> {
    this.#watching ??= this.#broker.watch(this.#events, this.#listener)
    try {
      await this.#watching
    } catch (error) {
      this.#watching = undefined
      throw error
    }
  }

  async close(): Promise<void> {
    const stop = await this.#watching?.catch(() => undefined)
    stop?.()
  }
}
