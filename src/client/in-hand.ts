// Messages that were given out and are not settled yet: counted, so that there are never too many, and waited for at
// the end.

import type { Clock } from "../flow/clock.ts"
import { settlesWithin } from "../flow/deadline.ts"

export class InHand {
  readonly #parent: InHand | undefined
  #count = 0
  /** One entry for each loop that waits. */
  readonly #waiting = new Set<() => void>()

  /** @param parent counts what is in hand here as well. */
  constructor(parent?: InHand) {
    this.#parent = parent
  }

  get count(): number {
    return this.#count
  }

  /** Counts one more. What is returned settles it: true the first time, false when it was settled before. */
  take(): () => boolean {
    let settled = false
    const settleParent = this.#parent?.take()
    this.#count += 1
    return () => {
      if (settled) return false
      settled = true
      this.#count -= 1
      for (const wake of this.#waiting) wake()
      settleParent?.()
      return true
    }
  }

  /** Resolves once fewer than `limit` are in hand, or when the signal aborts. */
  below(limit: number, signal: AbortSignal): Promise<void> {
    if (this.#count < limit || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const look = () => {
        if (this.#count >= limit && !signal.aborted) return
        this.#waiting.delete(look)
        signal.removeEventListener("abort", look)
        resolve()
      }
      this.#waiting.add(look)
      signal.addEventListener("abort", look)
    })
  }

  /** Whether nothing was in hand any more within `withinMs`. */
  drained(withinMs: number, clock: Clock): Promise<boolean> {
    const stop = new AbortController()
    return settlesWithin(clock, withinMs, this.below(1, stop.signal)).finally(() => stop.abort())
  }
}
