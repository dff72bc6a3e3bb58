// Exponential backoff with full jitter and a cap, so that a thousand shards never come back in one instant.

export interface BackoffOptions {
  readonly baseMs: number
  readonly capMs: number
}

/**
 * How long to wait before a try. The first (attempt 0) is immediate; the n-th waits between half and the whole of
 * `baseMs × 2^(n-1)`, at most `capMs`.
 * @param random a number in [0, 1)
 */
export function backoffMs(attempt: number, { baseMs, capMs }: BackoffOptions, random: number): number {
  if (attempt <= 0) return 0
  const ceilingMs = Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, MAX_EXPONENT))
  return ceilingMs * (0.5 + random / 2)
}

const MAX_EXPONENT = 30
