// A sliding window: at most `limit` in any `windowMs`. Exact, since it remembers when each one was.

export class RateWindow {
  readonly #limit: number
  readonly #windowMs: number
  /** A ring of the last `limit` times; `-Infinity` where there was none. */
  readonly #times: Float64Array
  #next = 0

  constructor({ limit, windowMs }: { readonly limit: number; readonly windowMs: number }) {
    this.#limit = limit
    this.#windowMs = windowMs
    this.#times = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY)
  }

  /**
   * Milliseconds until one more is allowed while `reserve` places stay free; 0 when it is allowed now.
   * Infinity when the reserve leaves no place at all.
   */
  waitMs(nowMs: number, reserve = 0): number {
    if (reserve >= this.#limit) return Number.POSITIVE_INFINITY
    // With r places reserved, the (limit - r)-th most recent one has to have left the window.
    const index = (this.#next + reserve) % this.#limit
    const leavesMs = (this.#times[index] ?? Number.NEGATIVE_INFINITY) + this.#windowMs
    return Math.max(0, leavesMs - nowMs)
  }

  /** Counts one, allowed or not. */
  take(nowMs: number): void {
    this.#times[this.#next] = nowMs
    this.#next = (this.#next + 1) % this.#limit
  }

  clear(): void {
    this.#times.fill(Number.NEGATIVE_INFINITY)
  }
}
