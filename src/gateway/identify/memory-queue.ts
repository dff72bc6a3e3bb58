// Identify slots for the shards of one process. Lower shard ids go first, one per 5 s for each key
// `shard_id % max_concurrency`. The day's budget is asked for before it is used, and its last part never is.

import { backoffMs } from "../../flow/backoff.ts"
import { RateWindow } from "../../flow/rate-window.ts"
import type { IdentifyQueue, IdentifyQueueOptions, SessionStartLimit } from "./identify-queue.ts"
import {
  BREAKER,
  BUDGET_AGE_MS,
  BUDGET_RETRY,
  breakerReason,
  IDENTIFY_WINDOW_MS,
  NETWORK_MARGIN_MS,
  reserveReason,
  unreadReason,
} from "./limits.ts"

interface Waiter {
  readonly shardId: number
  readonly grant: () => void
}

export function memoryIdentifyQueue(options: IdentifyQueueOptions): IdentifyQueue {
  const queue = new MemoryIdentifyQueue(options)
  return { turn: (shardId, signal) => queue.turn(shardId, signal) }
}

class MemoryIdentifyQueue {
  readonly #options: IdentifyQueueOptions
  /** At most one for each shard of the process, ascending. */
  #waiting: Waiter[] = []
  /** When each key is free again. At most `max_concurrency` entries. */
  readonly #freeAtMs = new Map<number, number>()
  readonly #breakers = new Map<number, RateWindow>()
  #limit: SessionStartLimit | null = null
  #remaining = 0
  #askedAtMs = 0
  #failures = 0
  #asking = false
  #cancelTimer: (() => void) | null = null

  constructor(options: IdentifyQueueOptions) {
    this.#options = options
  }

  turn(shardId: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter)
        reject(signal.reason)
      }
      const grant = () => {
        signal.removeEventListener("abort", onAbort)
        resolve()
      }
      const waiter: Waiter = { shardId, grant }
      signal.addEventListener("abort", onAbort, { once: true })
      this.#waiting.push(waiter)
      this.#waiting.sort((a, b) => a.shardId - b.shardId)
      this.#pump()
    })
  }

  /** Grants whatever can be granted now, and wakes when more can be. */
  #pump(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
    if (this.#waiting.length === 0 || this.#asking) return
    const { clock } = this.#options
    const nowMs = clock.nowMs()
    if (this.#limit === null || nowMs - this.#askedAtMs >= BUDGET_AGE_MS) {
      this.#ask()
      return
    }
    const limit = this.#limit
    let wakeMs = Number.POSITIVE_INFINITY
    this.#waiting = this.#waiting.filter((waiter) => {
      if (this.#remaining <= this.#options.reserve) return true
      const delayMs = this.#delayMs(waiter.shardId, limit, nowMs)
      wakeMs = Math.min(wakeMs, delayMs)
      if (delayMs > 0) return true
      this.#grant(waiter, limit, nowMs)
      return false
    })
    if (this.#waiting.length === 0) return
    if (this.#remaining <= this.#options.reserve) {
      this.#waitForReset(limit, nowMs)
      return
    }
    // A grant made its key busy for those behind it.
    for (const { shardId } of this.#waiting)
      wakeMs = Math.min(wakeMs, Math.max(1, this.#delayMs(shardId, limit, nowMs)))
    this.#wakeIn(Math.max(1, wakeMs))
  }

  #delayMs(shardId: number, { maxConcurrency }: SessionStartLimit, nowMs: number): number {
    const keyMs = (this.#freeAtMs.get(shardId % maxConcurrency) ?? nowMs) - nowMs
    return Math.max(0, keyMs, this.#breakers.get(shardId)?.waitMs(nowMs) ?? 0)
  }

  #grant({ shardId, grant }: Waiter, { maxConcurrency }: SessionStartLimit, nowMs: number): void {
    this.#freeAtMs.set(shardId % maxConcurrency, nowMs + IDENTIFY_WINDOW_MS + NETWORK_MARGIN_MS)
    const breaker = this.#breakers.get(shardId) ?? new RateWindow(BREAKER)
    breaker.take(nowMs)
    this.#breakers.set(shardId, breaker)
    const openMs = breaker.waitMs(nowMs)
    if (openMs > 0) this.#options.onWait(breakerReason(shardId), openMs)
    this.#remaining -= 1
    this.#options.onBudget(this.#remaining)
    grant()
  }

  #waitForReset({ total, resetAfterMs }: SessionStartLimit, nowMs: number): void {
    const delayMs = Math.max(1, this.#askedAtMs + resetAfterMs - nowMs)
    this.#options.onWait(reserveReason(this.#remaining, total, this.#options.reserve), delayMs)
    this.#limit = null
    this.#wakeIn(delayMs)
  }

  #wakeIn(delayMs: number): void {
    this.#cancelTimer = this.#options.clock.after(delayMs, () => {
      this.#cancelTimer = null
      this.#pump()
    })
  }

  #ask(): void {
    this.#asking = true
    this.#options.startLimit().then(
      (limit) => {
        this.#asking = false
        this.#failures = 0
        this.#limit = limit
        this.#remaining = limit.remaining
        this.#askedAtMs = this.#options.clock.nowMs()
        this.#options.onBudget(limit.remaining)
        this.#pump()
      },
      (error: unknown) => {
        this.#asking = false
        this.#failures += 1
        const delayMs = backoffMs(this.#failures, BUDGET_RETRY, this.#options.random())
        this.#options.onWait(unreadReason(error), delayMs)
        this.#wakeIn(delayMs)
      },
    )
  }
}
