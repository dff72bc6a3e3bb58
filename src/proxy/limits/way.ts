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

/** How long answers take. */
export interface AnswerTimes {
  /** NaN before the first. */
  meanMs: number
  deviationMs: number
}

/** An answer came so long after its request was sent. @returns how much of it may have been the way there. */
export function wayOf(times: AnswerTimes, afterMs: number): number {
  const { meanMs, deviationMs } = times
  if (Number.isNaN(meanMs)) {
    times.meanMs = afterMs
    times.deviationMs = afterMs / 2
    return Math.min(afterMs, MOST_WAY_MS)
  }
  const varyingMs = DEVIATIONS * deviationMs
  const isLate = afterMs > meanMs + Math.max(LEAST_WAY_MS, varyingMs)
  times.deviationMs += DEVIATION_GAIN * (Math.abs(afterMs - meanMs) - deviationMs)
  times.meanMs += MEAN_GAIN * (afterMs - meanMs)
  return Math.min(afterMs, isLate ? MOST_WAY_MS : Math.min(MOST_WAY_MS, LEAST_WAY_MS + varyingMs))
}
