// How long after its sending Discord may count a request, guessed from how much the times to the answers differ: what is
// steady is Discord's own work, what varies may be the way there. A busy machine and a new connection show in it.
// Source: RFC 6298, Computing TCP's Retransmission Timer, whose smoothing this is.

/** Of a steady way. */
export const LEAST_WAY_MS = 40
export const MOST_WAY_MS = 500
export const MEAN_GAIN = 1 / 8
export const DEVIATION_GAIN = 1 / 4
export const DEVIATIONS = 4

export class Way {
  #meanMs = Number.NaN
  #deviationMs = 0

  /** Until the first answer, as long as it may be. */
  get ms(): number {
    if (Number.isNaN(this.#meanMs)) return MOST_WAY_MS
    return Math.min(MOST_WAY_MS, LEAST_WAY_MS + DEVIATIONS * this.#deviationMs)
  }

  /** An answer came so long after its request was sent. */
  answered(afterMs: number): void {
    if (Number.isNaN(this.#meanMs)) {
      this.#meanMs = afterMs
      this.#deviationMs = afterMs / 2
      return
    }
    this.#deviationMs += DEVIATION_GAIN * (Math.abs(afterMs - this.#meanMs) - this.#deviationMs)
    this.#meanMs += MEAN_GAIN * (afterMs - this.#meanMs)
  }
}
