// What was handed to a broker and is not confirmed yet: delivered one after another, in the order of handing over.
// It holds references only. What bounds it is the delivery window of each shard, whose batches wait here.

import type { Clock } from "../flow/clock.ts"
import { BrokerClosedError } from "./broker.ts"

interface Waiting<T> {
  readonly item: T
  readonly resolve: () => void
  readonly reject: (error: BrokerClosedError) => void
}

export class Outbox<T> {
  readonly #deliver: (item: T) => Promise<void>
  readonly #onError: (error: unknown) => void
  /** In order; the first is being delivered. */
  readonly #waiting: Waiting<T>[] = []
  #closed: BrokerClosedError | null = null
  /** Those who wait in `drain`. */
  readonly #drains = new Set<() => void>()

  /**
   * @param deliver resolves when the item is confirmed.
   * @param onError told when `deliver` rejects, which ends the broker: it must call `close`.
   */
  constructor(deliver: (item: T) => Promise<void>, onError: (error: unknown) => void) {
    this.#deliver = deliver
    this.#onError = onError
  }

  /** Resolves when the item is confirmed; rejects with BrokerClosedError when the outbox closes first. */
  push(item: T): Promise<void> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (this.#waiting.length === 1) void this.#run()
    })
  }

  /** Takes nothing more from now on. Resolves when nothing waits, or after `withinMs`. */
  drain(withinMs: number, clock: Clock): Promise<void> {
    this.#closed ??= new BrokerClosedError("Cannot publish: the broker is closing.")
    if (this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        this.#drains.delete(done)
        resolve()
      }
      const cancel = clock.after(withinMs, done)
      this.#drains.add(done)
    })
  }

  /** Takes nothing more, and rejects what is unconfirmed. */
  close(reason: BrokerClosedError): void {
    this.#closed = reason
    for (const { reject } of this.#waiting.splice(0)) reject(reason)
    this.#settleDrains()
  }

  async #run(): Promise<void> {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      try {
        await this.#deliver(first.item)
      } catch (error) {
        this.#onError(error)
        return
      }
      if (this.#waiting[0] !== first) return
      this.#waiting.shift()
      first.resolve()
    }
    this.#settleDrains()
  }

  #settleDrains(): void {
    for (const done of this.#drains) done()
  }
}
