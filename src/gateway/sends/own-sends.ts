// Reads the packets for the shards that run here while they come and go: one consumer for all of them, made anew when they
// have changed. What it leaves unread waits in the broker for whoever has the shard next.

import type { Clock } from "../../flow/clock.ts"

/** Shards come and go in waves: so long they are waited for. */
const SETTLE_MS = 250

export class OwnSends {
  readonly #clock: Clock
  readonly #consume: (shards: readonly number[], signal: AbortSignal) => Promise<void>
  #shards: readonly number[] = []
  #reading: readonly number[] = []
  #current = new AbortController()
  #isScheduled = false
  #isStopped = false

  /** @param consume reads until its signal aborts */
  constructor(clock: Clock, consume: (shards: readonly number[], signal: AbortSignal) => Promise<void>) {
    this.#clock = clock
    this.#consume = consume
  }

  update(shards: readonly number[]): void {
    this.#shards = [...shards].sort((a, b) => a - b)
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.after(SETTLE_MS, () => this.#restart())
  }

  stop(): void {
    this.#isStopped = true
    this.#current.abort()
  }

  #restart(): void {
    this.#isScheduled = false
    if (this.#isStopped || this.#shards.join() === this.#reading.join()) return
    this.#current.abort()
    this.#current = new AbortController()
    this.#reading = this.#shards
    if (this.#reading.length > 0) void this.#consume(this.#reading, this.#current.signal)
  }
}
