// One bucket: how many requests may go now, or when it is worth asking again. Pure: state and time in, decision out.
// Source: Discord's documentation, Rate Limits; the windows of some routes slide, those of others are fixed.

import type { WindowHeaders } from "./limit-headers.ts"

/** Waited on top of what a header says: Discord rounds it, and clocks differ. */
export const RESET_PAD_MS = 20
/** A window's end is told anew with each answer, a little off each time; a move beyond this is another window. */
export const SAME_WINDOW_MS = 1_000
/** A probe that takes longer, as a large upload does, no longer holds the others up. */
export const PROBE_PATIENCE_MS = 5_000
/** In flight at most on a route whose answers carry no limits. It gets there one answer at a time. */
export const MAX_UNTOLD_IN_FLIGHT = 50
/** With one probe, a limit that nothing is known of costs one request at most. */
export const PROBES = 1

/**
 * `unknown`: nothing was told yet, or a window has ended after it was used up: one probe goes and finds out.
 * `window`: told. `untold`: answers carry no limit headers.
 */
type Knowledge = "unknown" | "window" | "untold"

/** How a request ended, as its bucket sees it. */
export type Outcome =
  /** It never reached Discord. */
  | { readonly type: "unsent" }
  /** It may have; no answer came that says anything. */
  | { readonly type: "unanswered" }
  | { readonly type: "answered"; readonly window: WindowHeaders | null }
  /** 429 of this bucket. */
  | { readonly type: "limited"; readonly retryAfterMs: number }

/** What a permit remembers of the bucket at the time. */
export interface Taken {
  readonly epoch: number
  readonly isProbe: boolean
  /** `remaining` when it was taken, before it. */
  readonly remaining: number
}

export class Bucket {
  #knowledge: Knowledge = "unknown"
  /** Counts the windows, so that a late answer cannot speak for a new one. */
  #epoch = 0
  #limit = 0
  #remaining = 0
  #resetAtMs = 0
  /** The longest reset ever told: how long a window is, about. */
  #windowMs = 0
  #untoldRoom = 1
  #inFlight = 0
  #probes = 0
  #probeSentMs = 0
  /** What late answers have told of a window that no answer of its own has told of yet. */
  #lateRemaining = 0
  #lateResetAtMs = 0
  /** Full again for certain: set for a window that was guessed and not told. */
  #isGuessed = false

  get inFlight(): number {
    return this.#inFlight
  }

  get limit(): number | null {
    return this.#knowledge === "untold" || this.#limit === 0 ? null : this.#limit
  }

  get remaining(): number | null {
    return this.#knowledge === "window" ? this.#remaining : null
  }

  get resetAtMs(): number {
    return this.#resetAtMs
  }

  get windowMs(): number {
    return this.#windowMs
  }

  /** True when nothing would be forgotten with it. */
  isIdle(nowMs: number): boolean {
    return this.#inFlight === 0 && nowMs >= this.#resetAtMs + this.#windowMs
  }

  /**
   * When the next one may go: now or earlier when it may go now; Infinity when only an answer can tell.
   * `take` must follow in the same instant, or the decision is void.
   */
  opensAtMs(nowMs: number): number {
    if (this.#knowledge === "window") {
      if (nowMs < this.#resetAtMs) return this.#remaining > this.#inFlight ? nowMs : this.#resetAtMs
      this.#endWindow(nowMs)
      // Either it is full again, or nothing is known.
      if (this.#isGuessed) return this.#remaining > this.#inFlight ? nowMs : this.#resetAtMs
    }
    if (this.#knowledge === "untold") return this.#inFlight < this.#untoldRoom ? nowMs : Number.POSITIVE_INFINITY
    if (this.#probes < PROBES) return nowMs
    return Math.max(nowMs, this.#probeSentMs + PROBE_PATIENCE_MS)
  }

  take(nowMs: number): Taken {
    this.#inFlight += 1
    const isProbe = this.#knowledge === "unknown"
    if (isProbe) {
      this.#probes += 1
      this.#probeSentMs = nowMs
    }
    return { epoch: this.#epoch, isProbe, remaining: this.#remaining }
  }

  settle(taken: Taken, outcome: Outcome, nowMs: number): void {
    this.#inFlight -= 1
    if (taken.isProbe && taken.epoch === this.#epoch && this.#probes > 0) this.#probes -= 1
    switch (outcome.type) {
      case "unsent":
        return
      case "unanswered":
        if (this.#knowledge === "window") this.#remaining = Math.max(0, this.#remaining - 1)
        return
      case "limited":
        this.#close(nowMs + outcome.retryAfterMs + RESET_PAD_MS)
        return
      case "answered":
        if (outcome.window === null) this.#untold()
        else this.#tell(outcome.window, taken, nowMs)
    }
  }

  /**
   * True when the answer cannot be about this bucket: in the middle of a window it leaves more than there was before the
   * request, and its window ends at another time. Discord hides different limits behind one hash.
   */
  isContradictedBy({ remaining, resetAfterMs }: WindowHeaders, taken: Taken, nowMs: number): boolean {
    if (this.#knowledge !== "window" || this.#isGuessed || taken.epoch !== this.#epoch || taken.isProbe) return false
    const isMiddle = nowMs + SAME_WINDOW_MS < this.#resetAtMs
    return isMiddle && remaining >= taken.remaining && Math.abs(nowMs + resetAfterMs - this.#resetAtMs) > SAME_WINDOW_MS
  }

  /** An answer to a request that was counted elsewhere, before it was known that it belongs here. */
  hear({ limit, remaining, resetAfterMs }: WindowHeaders, nowMs: number): void {
    const resetAtMs = nowMs + resetAfterMs + RESET_PAD_MS
    if (this.#knowledge === "window" && nowMs < this.#resetAtMs) {
      if (resetAtMs >= this.#resetAtMs - SAME_WINDOW_MS) this.#remaining = Math.min(this.#remaining, remaining)
      return
    }
    if (this.#inFlight > 0) return
    this.#knowledge = "window"
    this.#epoch += 1
    this.#limit = limit
    this.#remaining = remaining
    this.#resetAtMs = resetAtMs
    this.#windowMs = Math.max(this.#windowMs, resetAfterMs)
    this.#isGuessed = false
  }

  /** The window is over. One that was left unused for as long again is full, fixed or sliding; else a probe finds out. */
  #endWindow(nowMs: number): void {
    this.#epoch += 1
    this.#probes = 0
    const wasUsedUp = this.#remaining <= 0
    if (wasUsedUp || nowMs < this.#resetAtMs + this.#windowMs) {
      this.#knowledge = "unknown"
      this.#isGuessed = false
      return
    }
    this.#isGuessed = true
    this.#remaining = this.#limit
    this.#resetAtMs = nowMs + this.#windowMs
  }

  #tell({ limit, remaining, resetAfterMs }: WindowHeaders, taken: Taken, nowMs: number): void {
    const resetAtMs = nowMs + resetAfterMs + RESET_PAD_MS
    const isLate = taken.epoch !== this.#epoch
    const isNew = this.#knowledge !== "window" || nowMs >= this.#resetAtMs
    if (isLate && isNew) return this.#tellLate(remaining, resetAtMs, nowMs)
    if (isLate && resetAtMs < this.#resetAtMs - SAME_WINDOW_MS) return
    this.#limit = limit
    this.#windowMs = Math.max(this.#windowMs, resetAfterMs)
    if (isNew) {
      if (this.#knowledge === "window") this.#epoch += 1
      this.#knowledge = "window"
      const isToldLate = Math.abs(resetAtMs - this.#lateResetAtMs) <= SAME_WINDOW_MS
      this.#remaining = isToldLate ? Math.min(remaining, this.#lateRemaining) : remaining
      this.#resetAtMs = resetAtMs
      this.#probes = 0
    } else {
      this.#remaining = Math.min(this.#remaining, remaining)
      // Of several estimates of one end the earliest is the best, since each is late by its answer's way here.
      const isOneWindow = Math.abs(resetAtMs - this.#resetAtMs) <= SAME_WINDOW_MS
      if (this.#isGuessed) this.#resetAtMs = resetAtMs
      else if (isOneWindow) this.#resetAtMs = Math.min(this.#resetAtMs, resetAtMs)
      else this.#resetAtMs = Math.max(this.#resetAtMs, resetAtMs)
    }
    this.#isGuessed = false
  }

  /** It was sent in the last window and counted in this one, perhaps after the probe whose answer is still to come. */
  #tellLate(remaining: number, resetAtMs: number, nowMs: number): void {
    if (resetAtMs <= nowMs + RESET_PAD_MS) return
    const isSame = Math.abs(resetAtMs - this.#lateResetAtMs) <= SAME_WINDOW_MS
    this.#lateRemaining = isSame ? Math.min(this.#lateRemaining, remaining) : remaining
    this.#lateResetAtMs = resetAtMs
  }

  #untold(): void {
    // An answer without headers, such as a 500, does not undo what is known.
    if (this.#knowledge === "window") {
      this.#remaining = Math.max(0, this.#remaining - 1)
      return
    }
    if (this.#limit > 0) return
    this.#knowledge = "untold"
    this.#untoldRoom = Math.min(MAX_UNTOLD_IN_FLIGHT, this.#untoldRoom + 1)
  }

  #close(untilMs: number): void {
    this.#knowledge = "window"
    this.#isGuessed = false
    this.#remaining = 0
    this.#untoldRoom = 1
    this.#resetAtMs = Math.max(this.#resetAtMs, untilMs)
  }
}
