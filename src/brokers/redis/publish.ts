// Publishing, the hot path: a batch's bytes are finished XADD commands already, so that nothing is made or copied per event
// but the bytes into the next round's write. What a promise of `publish` means: every event of the batch is in its stream.
//
// The order: a shard's events are executed in the order of their sequence. Where a connection is lost nobody knows what was
// executed, so it is sent again: such an event stands twice in its stream, with equal ids, and every event's first entry
// stands in order.

import type { EventBatch } from "../../codec/batch.ts"
import type { Clock } from "../../flow/clock.ts"
import { BrokerClosedError } from "../broker.ts"
import { withKeyFields } from "./keyed-batch.ts"
import type { Topology } from "./topology.ts"

export class Publisher {
  readonly #topology: Topology
  readonly #clock: Clock
  #waiting = 0
  #closed: BrokerClosedError | null = null
  /** Those who wait in `drain`. */
  readonly #drains = new Set<() => void>()

  constructor(topology: Topology, clock: Clock) {
    this.#topology = topology
    this.#clock = clock
  }

  publish(batch: EventBatch): Promise<void> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    return this.#track(this.#topology.publish(batch.keys === undefined ? batch : withKeyFields(batch)))
  }

  /** Queues one command that writes to one key. */
  write(key: string, command: Uint8Array): Promise<void> {
    return this.#closed === null ? this.#track(this.#topology.write(key, command)) : Promise.reject(this.#closed)
  }

  /** Publishes nothing more of what was handed over of a shard. */
  drop(slot: number, reason: BrokerClosedError): void {
    this.#topology.drop(slot, reason)
  }

  /** Takes nothing more from now on. Resolves when nothing waits, or after `withinMs`. */
  drain(withinMs: number): Promise<void> {
    this.#closed ??= new BrokerClosedError("Cannot publish: the broker is closing.")
    if (this.#waiting === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        this.#drains.delete(done)
        resolve()
      }
      const cancel = this.#clock.after(withinMs, done)
      this.#drains.add(done)
    })
  }

  /** Takes nothing more, and rejects what is unconfirmed. */
  close(reason: BrokerClosedError): void {
    this.#closed = reason
    this.#topology.close(reason)
  }

  #track(settled: Promise<void>): Promise<void> {
    this.#waiting += 1
    settled.then(this.#onSettled, this.#onSettled)
    return settled
  }

  readonly #onSettled = (): void => {
    this.#waiting -= 1
    if (this.#waiting > 0) return
    for (const done of this.#drains) done()
  }
}
