// How many invalid requests the address can still afford, where several instances send from it: Redis adds them up, and
// what this one has made since it was last heard is added to that.

import { type BudgetState, budgetState, InvalidBudget, MAX_INVALID } from "../invalid-budget.ts"

export class SharedBudget {
  readonly #limit: number
  readonly #own: InvalidBudget
  #told = 0
  #untold = 0
  /** Redis is gone, and this many instances each keep to their part. */
  #parts = 0

  constructor(limit = MAX_INVALID) {
    this.#limit = limit
    this.#own = new InvalidBudget(limit)
  }

  /** Not told to Redis yet. */
  get untold(): number {
    return this.#untold
  }

  spend(nowMs: number): void {
    this.#own.spend(nowMs)
    this.#untold += 1
  }

  /** Redis has heard of `heard` more, and says how many there were in all. */
  told(heard: number, used: number): void {
    this.#untold -= heard
    this.#told = used
    this.#parts = 0
  }

  divide(parts: number): void {
    this.#parts = parts
  }

  left(nowMs: number): number {
    return Math.max(0, this.#allowed() - this.#used(nowMs))
  }

  state(nowMs: number): BudgetState {
    return budgetState(this.#used(nowMs), this.#allowed())
  }

  retryAfterMs(nowMs: number): number {
    return this.#own.retryAfterMs(nowMs)
  }

  #used(nowMs: number): number {
    return this.#parts === 0 ? this.#told + this.#untold : this.#own.used(nowMs)
  }

  #allowed(): number {
    return this.#parts === 0 ? this.#limit : Math.floor(this.#limit / this.#parts)
  }
}
