// A paced rate: one every so often, with a small allowance for those that are late. The generic cell rate algorithm,
// which remembers one number.

const MS_PER_SECOND = 1_000

export interface PaceOptions {
  readonly perSecond: number
  /** How many may go at one instant after a pause. */
  readonly burst: number
}

export class Pace {
  readonly #burst: number
  #intervalMs: number
  /** When the next one would be due if all so far had been exactly on time. */
  #dueMs = Number.NEGATIVE_INFINITY

  constructor({ perSecond, burst }: PaceOptions) {
    this.#burst = burst
    this.#intervalMs = MS_PER_SECOND / perSecond
  }

  get perSecond(): number {
    return MS_PER_SECOND / this.#intervalMs
  }

  set perSecond(value: number) {
    this.#intervalMs = MS_PER_SECOND / value
  }

  /** Milliseconds until one more may go; 0 when it may go now. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#dueMs - (this.#burst - 1) * this.#intervalMs - nowMs)
  }

  /** Counts one, allowed or not. */
  take(nowMs: number): void {
    this.#dueMs = Math.max(this.#dueMs, nowMs) + this.#intervalMs
  }
}
