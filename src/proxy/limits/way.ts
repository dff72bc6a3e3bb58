// How long after its sending Discord may have counted a request, guessed from when it was answered: what is steady is
// Discord's own work, what varies may be the way there. An answer that is late for once was late on its way, for all we know,
// as on a busy machine or a new connection.
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

  /** An answer came so long after its request was sent. @returns how much of it may have been the way there. */
  answered(afterMs: number): number {
    if (Number.isNaN(this.#meanMs)) {
      this.#meanMs = afterMs
      this.#deviationMs = afterMs / 2
      return Math.min(afterMs, MOST_WAY_MS)
    }
    const varyingMs = DEVIATIONS * this.#deviationMs
    const isLate = afterMs > this.#meanMs + Math.max(LEAST_WAY_MS, varyingMs)
    this.#deviationMs += DEVIATION_GAIN * (Math.abs(afterMs - this.#meanMs) - this.#deviationMs)
    this.#meanMs += MEAN_GAIN * (afterMs - this.#meanMs)
    return Math.min(afterMs, isLate ? MOST_WAY_MS : Math.min(MOST_WAY_MS, LEAST_WAY_MS + varyingMs))
  }
}
