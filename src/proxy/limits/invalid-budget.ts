// How many more answers of 401, 403 and 429 this IP address can afford. At 10,000 in 10 minutes Cloudflare blocks it, with
// every bot that runs there, so a reserve of them is never used.
// Source: Discord's documentation, Rate Limits › Invalid Request Limit.

const WINDOW_MS = 600_000
export const SLICES = 60
export const SLICE_MS = WINDOW_MS / SLICES
export const MAX_INVALID = 10_000
/** From here on, routes that keep failing are answered here. */
const SPARING_FROM = 0.8
/** From here on, only routes whose last answer was good go out. */
const STOPPED_FROM = 0.95

export type BudgetState = "free" | "sparing" | "stopped"

export function budgetState(used: number, limit: number): BudgetState {
  const share = used / limit
  if (share >= STOPPED_FROM) return "stopped"
  return share >= SPARING_FROM ? "sparing" : "free"
}

export class InvalidBudget {
  readonly #limit: number
  /** Counts by slice, each with the number of its slice since the clock's start. */
  readonly #counts = new Int32Array(SLICES)
  readonly #numbers = new Float64Array(SLICES).fill(Number.NEGATIVE_INFINITY)
  #used = 0
  #usedIn = Number.NEGATIVE_INFINITY

  constructor(limit = MAX_INVALID) {
    this.#limit = limit
  }

  spend(nowMs: number): void {
    const number = Math.floor(nowMs / SLICE_MS)
    const slot = number % SLICES
    if (this.#numbers[slot] !== number) {
      this.#numbers[slot] = number
      this.#counts[slot] = 0
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1
    this.#usedIn = Number.NEGATIVE_INFINITY
  }

  /** In the last 10 minutes, rounded up by a slice. */
  used(nowMs: number): number {
    const now = Math.floor(nowMs / SLICE_MS)
    if (this.#usedIn === now) return this.#used
    let used = 0
    for (let slot = 0; slot < SLICES; slot += 1) {
      if ((this.#numbers[slot] ?? 0) > now - SLICES) used += this.#counts[slot] ?? 0
    }
    this.#used = used
    this.#usedIn = now
    return used
  }

  left(nowMs: number): number {
    return Math.max(0, this.#limit - this.used(nowMs))
  }

  state(nowMs: number): BudgetState {
    return budgetState(this.used(nowMs), this.#limit)
  }

  /** About how long until some of it comes back. */
  retryAfterMs(nowMs: number): number {
    return SLICE_MS - (nowMs % SLICE_MS)
  }
}
