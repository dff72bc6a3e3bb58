// A bound on a wait.

import type { Clock } from "./clock.ts"

/** Whether `promise` settled within `deadlineMs`. Rejects as it does. */
export function settlesWithin(clock: Clock, deadlineMs: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(deadlineMs, () => resolve(false))
    promise.then(
      () => {
        cancel()
        resolve(true)
      },
      (error: unknown) => {
        cancel()
        reject(error)
      },
    )
  })
}
