// Says in the log when Discord can no longer be reached, and when it can again: once for each outage, however many requests
// find out.

import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"

/** An outage that begins sooner after another one was told is not told: where every other request fails, each would be one. */
const TELL_EVERY_MS = 60_000

export class Reachability {
  readonly #clock: Clock
  readonly #log: Logger
  #lostSinceMs: number | null = null
  #toldAtMs = Number.NEGATIVE_INFINITY
  #isTold = false

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
  }

  /** Asked for every answer, so it is one field. */
  get isLost(): boolean {
    return this.#lostSinceMs !== null
  }

  /** A request could not be sent. */
  lost(reason: string): void {
    const nowMs = this.#clock.nowMs()
    this.#lostSinceMs ??= nowMs
    if (this.#isTold || nowMs - this.#toldAtMs < TELL_EVERY_MS) return
    this.#isTold = true
    this.#toldAtMs = nowMs
    this.#log.error({ reason }, "Discord cannot be reached: requests are tried a few times and then answered with 502")
  }

  /** An answer came. */
  found(): void {
    const seconds = Math.round((this.#clock.nowMs() - (this.#lostSinceMs ?? 0)) / 1_000)
    if (this.#isTold) this.#log.info({ seconds }, "Discord is reached again")
    this.#lostSinceMs = null
    this.#isTold = false
  }
}
