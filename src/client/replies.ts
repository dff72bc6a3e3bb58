// Calls that wait for their reply.

import { type Clock, systemClock } from "../flow/clock.ts"

/** What a call waits when it is not told otherwise. */
export const DEFAULT_CALL_TIMEOUT_MS = 5_000

/** No reply came in time. */
export class CallTimeoutError extends Error {
  override readonly name = "CallTimeoutError"
}

interface Waiting<Reply> {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

export class Replies<Reply> {
  readonly #clock: Clock
  /** At most one a call; each leaves when its time is over. */
  readonly #waiting = new Map<string, Waiting<Reply>>()

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  /**
   * Resolves to the reply with that id.
   * @throws CallTimeoutError when it does not come within `timeoutMs`.
   */
  wait(method: string, id: string, timeoutMs: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const done = () => {
        cancel()
        this.#waiting.delete(id)
      }
      const cancel = this.#clock.after(timeoutMs, () => {
        done()
        reject(new CallTimeoutError(`Cannot finish the call to ${method}: no reply came within ${timeoutMs} ms.`))
      })
      this.#waiting.set(id, {
        resolve: (reply) => {
          done()
          resolve(reply)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      })
    })
  }

  /** False when nobody waits for that id. */
  settle(id: string, reply: Reply): boolean {
    const waiting = this.#waiting.get(id)
    waiting?.resolve(reply)
    return waiting !== undefined
  }

  rejectAll(error: Error): void {
    for (const { reject } of [...this.#waiting.values()]) reject(error)
  }
}
