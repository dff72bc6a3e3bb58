// What becomes of a read that failed. It is tried again every second; told are the first failure and the end, not every try.

import type { Logger } from "../../ops/log.ts"
import { OperatorError } from "../../ops/operator-error.ts"
import { cannotConsume } from "./group.ts"

export class ReadingOutage {
  readonly #log: Logger
  #isTold = false

  constructor(log: Logger) {
    this.#log = log
  }

  /**
   * @returns whether it takes time to mend; a group that is gone, as where Redis came back without its data, is made anew
   * at once.
   * @throws what waiting does not mend.
   */
  failed(error: unknown, event: string): boolean {
    if (error instanceof OperatorError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    if (reason.startsWith("NOGROUP")) return false
    const cause = cannotConsume(event, reason)
    if (cause instanceof OperatorError) throw cause
    if (!this.#isTold) this.#log.warn({ reason }, "Redis delivers no packets: trying again until it does")
    this.#isTold = true
    return true
  }

  worked(): void {
    if (this.#isTold) this.#log.info({}, "Redis delivers packets again")
    this.#isTold = false
  }
}
