// Events a second of each shard, for people: measured between two looks at the decoders' counts.

import type { Clock } from "../../flow/clock.ts"

/** Two looks closer together than this give no useful rate: the last one stands. */
const LEAST_INTERVAL_MS = 1_000
const MS_PER_SECOND = 1_000

interface Look {
  readonly atMs: number
  readonly events: number
  readonly perSecond: number
}

export class EventRates {
  readonly #clock: Clock
  /** The last look at each shard of this process, by slot. */
  readonly #looks = new Map<number, Look>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param counts dispatches since the decoder was made; a smaller total is another decoder's */
  perSecond(slot: number, counts: Float64Array): number {
    const atMs = this.#clock.nowMs()
    const events = counts.reduce((sum, count) => sum + count, 0)
    const last = this.#looks.get(slot)
    if (last === undefined) {
      this.#looks.set(slot, { atMs, events, perSecond: 0 })
      return 0
    }
    const elapsedMs = atMs - last.atMs
    if (elapsedMs < LEAST_INTERVAL_MS) return last.perSecond
    const added = events >= last.events ? events - last.events : events
    const perSecond = (added / elapsedMs) * MS_PER_SECOND
    this.#looks.set(slot, { atMs, events, perSecond })
    return perSecond
  }

  /** Forgets the shards that this process no longer runs. */
  keep(shards: ReadonlyMap<number, unknown>): void {
    for (const slot of this.#looks.keys()) if (!shards.has(slot)) this.#looks.delete(slot)
  }
}
