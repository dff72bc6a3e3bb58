// The right to send one request, and the duty to say how it ended: a second word changes nothing.

import type { Bucket, Outcome, Taken } from "../bucket.ts"
import type { Answer, Permit, Verdict } from "../limiter.ts"
import type { TokenLane } from "./token-lanes.ts"

/** What a permit takes up until it is over. */
export interface Grant {
  readonly lane: TokenLane
  /** The lane's at the time; the lane may have another one when the answer comes. */
  readonly bucket: Bucket
  readonly taken: Taken
  /** In the token's global limit. */
  readonly place: number
  readonly takenMs: number
}

/** Of a request that is outside the global limit. */
export const NO_PLACE = -1

/** Whoever grants permits hears how they end. */
export interface PermitOwner {
  settle(grant: Grant, answer: Answer, nowMs?: number): Verdict
  returned(grant: Grant, outcome: Outcome): void
}

/** A class and not an object of closures, and its own grant: there is one for each request. */
export class LanePermit implements Permit, Grant {
  readonly type = "granted"
  readonly lane: TokenLane
  readonly bucket: Bucket
  readonly taken: Taken
  readonly place: number
  readonly takenMs: number
  readonly queuedMs: number
  readonly #owner: PermitOwner
  #isDone = false

  constructor(owner: PermitOwner, lane: TokenLane, place: number, takenMs: number, queuedMs: number) {
    this.#owner = owner
    this.lane = lane
    this.bucket = lane.bucket
    this.taken = lane.bucket.take(takenMs)
    this.place = place
    this.takenMs = takenMs
    this.queuedMs = queuedMs
  }

  settle(answer: Answer, nowMs?: number): Verdict {
    return this.#finish() ? this.#owner.settle(this, answer, nowMs) : "final"
  }

  unsent(): void {
    if (this.#finish()) this.#owner.returned(this, { type: "unsent" })
  }

  unanswered(): void {
    if (this.#finish()) this.#owner.returned(this, { type: "unanswered" })
  }

  #finish(): boolean {
    if (this.#isDone) return false
    this.#isDone = true
    return true
  }
}
