// A ban of the IP address by Cloudflare, and the way back from it: nothing until it is over, then one request to find out,
// then a rate that doubles until it bounds nobody any more. All at once would earn the next ban. Pure: time in, decision out.

import { Pace } from "../../flow/gcra.ts"

/** A probe without an answer for so long no longer holds the others up. */
const PROBE_PATIENCE_MS = 5_000
/** Of all tokens together, after the first answer. */
export const FIRST_PER_SECOND = 10
export const DOUBLES_EVERY_MS = 2_000
/** The rate is 5,120 a second by then. */
export const RAMP_MS = 9 * DOUBLES_EVERY_MS

/** `over`: the time is up, and nobody has tried yet, or the one that tried has no answer. */
type State = "free" | "banned" | "over" | "ramp"

export class Ban {
  #state: State = "free"
  #untilMs = Number.NEGATIVE_INFINITY
  #probeSentMs = Number.NEGATIVE_INFINITY
  #rampFromMs = 0
  readonly #pace = new Pace({ perSecond: FIRST_PER_SECOND, burst: 1 })

  /** Nothing is held back. Asked for every request, so it is one field. */
  get isFree(): boolean {
    return this.#state === "free"
  }

  /** Until when nothing may be sent; in the past when there is no ban. */
  get untilMs(): number {
    return this.#untilMs
  }

  /** When the next one may go: `nowMs` when now, Infinity when only an answer can tell. */
  opensAtMs(nowMs: number): number {
    switch (this.#state) {
      case "free":
        return nowMs
      case "banned":
        if (nowMs < this.#untilMs) return this.#untilMs
        this.#state = "over"
        return nowMs
      case "over":
        return Math.max(nowMs, this.#probeSentMs + PROBE_PATIENCE_MS)
      case "ramp":
        return this.#rampOpensAtMs(nowMs)
    }
  }

  /** One goes. */
  take(nowMs: number): void {
    if (this.#state === "over") this.#probeSentMs = nowMs
    if (this.#state === "ramp") this.#pace.take(nowMs)
  }

  /** An answer came that is no ban. */
  answered(nowMs: number): void {
    if (this.#state !== "over") return
    this.#state = "ramp"
    this.#rampFromMs = nowMs
    this.#pace.perSecond = FIRST_PER_SECOND
  }

  /** One that went found nobody: another may try. */
  unanswered(): void {
    this.#probeSentMs = Number.NEGATIVE_INFINITY
  }

  /** @returns whether it is a new one, and not the answer to a request of before. */
  begin(forMs: number, nowMs: number): boolean {
    const isNew = this.#state !== "banned" || nowMs >= this.#untilMs
    this.#state = "banned"
    this.#untilMs = Math.max(this.#untilMs, nowMs + forMs)
    this.#probeSentMs = Number.NEGATIVE_INFINITY
    return isNew
  }

  #rampOpensAtMs(nowMs: number): number {
    const elapsedMs = nowMs - this.#rampFromMs
    if (elapsedMs >= RAMP_MS) {
      this.#state = "free"
      return nowMs
    }
    this.#pace.perSecond = FIRST_PER_SECOND * 2 ** Math.floor(elapsedMs / DOUBLES_EVERY_MS)
    return nowMs + this.#pace.waitMs(nowMs)
  }
}
