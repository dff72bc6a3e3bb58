// How many Identifies Discord allows: one per key `shard % max_concurrency` each 5 s, and so many a day over all shards.
// Source: Discord's documentation, Gateway › Rate Limiting, Session Start Limit Object.

import type { Clock } from "../../flow/clock.ts"

export interface SessionStartLimit {
  readonly total: number
  readonly remaining: number
  /** Milliseconds. */
  readonly reset_after: number
  readonly max_concurrency: number
}

/** `too-soon`: another shard of the key identified less than 5 s ago. `exhausted`: the day's identifies are used up. */
export type IdentifyVerdict = "allowed" | "too-soon" | "exhausted"

const WINDOW_MS = 5_000
/** A client that waited 5 s by its own clock is not early because its last packet was slower than this one. */
const TOLERANCE_MS = 100
const DAY_MS = 86_400_000

export class IdentifyBudget {
  readonly #clock: Clock
  #total: number
  #remaining: number
  #maxConcurrency: number
  #resetsAtMs: number
  /** When each key last identified; no more keys than `max_concurrency`. */
  readonly #lastMs = new Map<number, number>()

  constructor({ clock, perDay, maxConcurrency }: { clock: Clock; perDay: number; maxConcurrency: number }) {
    this.#clock = clock
    this.#total = perDay
    this.#remaining = perDay
    this.#maxConcurrency = maxConcurrency
    this.#resetsAtMs = clock.nowMs() + DAY_MS
  }

  /** What `/gateway/bot` says. */
  status(): SessionStartLimit {
    this.#renew()
    return {
      total: this.#total,
      remaining: this.#remaining,
      reset_after: Math.max(0, Math.ceil(this.#resetsAtMs - this.#clock.nowMs())),
      max_concurrency: this.#maxConcurrency,
    }
  }

  /** Counts an Identify. One that comes too soon is counted too. */
  take(shard: number): IdentifyVerdict {
    this.#renew()
    if (this.#remaining <= 0) return "exhausted"
    this.#remaining -= 1
    const key = shard % this.#maxConcurrency
    const nowMs = this.#clock.nowMs()
    if (nowMs - (this.#lastMs.get(key) ?? Number.NEGATIVE_INFINITY) < WINDOW_MS - TOLERANCE_MS) return "too-soon"
    this.#lastMs.set(key, nowMs)
    return "allowed"
  }

  /** Replaces what is given. */
  set({ total, remaining, reset_after, max_concurrency }: Partial<SessionStartLimit>): void {
    this.#total = total ?? this.#total
    this.#remaining = remaining ?? this.#remaining
    if (reset_after !== undefined) this.#resetsAtMs = this.#clock.nowMs() + reset_after
    if (max_concurrency === undefined) return
    this.#maxConcurrency = max_concurrency
    this.#lastMs.clear()
  }

  #renew(): void {
    const nowMs = this.#clock.nowMs()
    if (nowMs < this.#resetsAtMs) return
    this.#remaining = this.#total
    this.#resetsAtMs = nowMs + DAY_MS
  }
}
