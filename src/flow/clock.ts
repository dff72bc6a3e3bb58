// Time, passed in: the system's clock in services, a fake one in tests.

export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  nowMs(): number
  /** Unix milliseconds. */
  wallMs(): number
  /** Runs `run` once after `delayMs`. The function returned cancels it. */
  after(delayMs: number, run: () => void): () => void
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
}

/**
 * Resolves after `delayMs`.
 * @throws the signal's reason when it aborts first.
 */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => {
      cancel()
      reject(signal.reason)
    }
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener("abort", onAbort)
      resolve()
    })
    signal.addEventListener("abort", onAbort, { once: true })
  })
}
