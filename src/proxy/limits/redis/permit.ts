// The right to send one request, and the duty to say how it ended: a second word changes nothing.

import type { Answer, Permit, Verdict } from "../limiter.ts"
import type { SharedLane } from "./token.ts"

/** What a permit takes up until it is over. */
export interface Grant {
  readonly lane: SharedLane
  readonly id: string
  readonly sentMs: number
}

/** Whoever gave the permit out hears how it ends. */
export interface PermitOwner {
  settle(grant: Grant, answer: Answer): Verdict
  returned(grant: Grant, type: "unsent" | "unanswered"): void
}

export class SharedPermit implements Permit {
  readonly type = "granted"
  readonly queuedMs: number
  readonly takenMs: number
  readonly #owner: PermitOwner
  readonly #grant: Grant
  #isDone = false

  constructor(owner: PermitOwner, grant: Grant, queuedMs: number) {
    this.#owner = owner
    this.#grant = grant
    this.queuedMs = queuedMs
    this.takenMs = grant.sentMs
  }

  settle(answer: Answer): Verdict {
    return this.#finish() ? this.#owner.settle(this.#grant, answer) : "final"
  }

  unsent(): void {
    if (this.#finish()) this.#owner.returned(this.#grant, "unsent")
  }

  unanswered(): void {
    if (this.#finish()) this.#owner.returned(this.#grant, "unanswered")
  }

  #finish(): boolean {
    if (this.#isDone) return false
    this.#isDone = true
    return true
  }
}
