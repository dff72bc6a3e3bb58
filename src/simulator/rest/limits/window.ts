// One counter of requests: a fixed window, which begins with its first request and ends all at once, or a sliding one, in
// which every request leaves by itself.

export type WindowKind = "fixed" | "sliding"

export interface WindowPlan {
  readonly limit: number
  readonly windowMs: number
  readonly kind: WindowKind
}

export interface Window {
  /** Requests that fit now. */
  remaining(nowMs: number): number
  /** Milliseconds until there is more room: the end of a fixed window, the oldest request's leaving of a sliding one. */
  resetAfterMs(nowMs: number): number
  /** Counts a request, if it fits. */
  take(nowMs: number): boolean
}

export function newWindow(plan: WindowPlan): Window {
  return plan.kind === "fixed" ? new FixedWindow(plan) : new SlidingWindow(plan)
}

class FixedWindow implements Window {
  readonly #plan: WindowPlan
  #count = 0
  #endsMs = Number.NEGATIVE_INFINITY

  constructor(plan: WindowPlan) {
    this.#plan = plan
  }

  remaining(nowMs: number): number {
    return nowMs >= this.#endsMs ? this.#plan.limit : this.#plan.limit - this.#count
  }

  resetAfterMs(nowMs: number): number {
    return nowMs >= this.#endsMs ? this.#plan.windowMs : this.#endsMs - nowMs
  }

  take(nowMs: number): boolean {
    if (nowMs >= this.#endsMs) {
      this.#count = 0
      this.#endsMs = nowMs + this.#plan.windowMs
    }
    if (this.#count >= this.#plan.limit) return false
    this.#count += 1
    return true
  }
}

class SlidingWindow implements Window {
  readonly #plan: WindowPlan
  /** When each request that still counts was, oldest first; never more than the limit. */
  readonly #times: number[] = []

  constructor(plan: WindowPlan) {
    this.#plan = plan
  }

  remaining(nowMs: number): number {
    this.#forget(nowMs)
    return this.#plan.limit - this.#times.length
  }

  resetAfterMs(nowMs: number): number {
    this.#forget(nowMs)
    const [oldest] = this.#times
    return oldest === undefined ? this.#plan.windowMs : oldest + this.#plan.windowMs - nowMs
  }

  take(nowMs: number): boolean {
    this.#forget(nowMs)
    if (this.#times.length >= this.#plan.limit) return false
    this.#times.push(nowMs)
    return true
  }

  #forget(nowMs: number): void {
    for (
      let [oldest] = this.#times;
      oldest !== undefined && oldest + this.#plan.windowMs <= nowMs;
      [oldest] = this.#times
    )
      this.#times.shift()
  }
}
