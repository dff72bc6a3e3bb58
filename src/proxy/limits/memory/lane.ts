// A lane: the requests of one token for one route and major parameter. It has a queue of its own, so that a slow route
// holds nobody else up, and it may share its bucket with other lanes.

import type { Bucket } from "../bucket.ts"
import { failuresAfter, keepsFailing } from "../failing.ts"
import { isOutsideGlobal } from "../holds.ts"
import type { Permit, Priority, Refusal } from "../limiter.ts"
import type { Route } from "../routes.ts"
import type { WaitList } from "../wait-list.ts"

export interface Waiter {
  readonly priority: Priority
  readonly isRepeat: boolean
  readonly sinceMs: number
  /** Ends the wait, with what comes of it. */
  readonly answer: (answer: Permit | Refusal) => void
}

/** A bucket by its hash, limit and major parameter, with the number of its lanes. */
export interface SharedBucket {
  readonly key: string
  readonly bucket: Bucket
  lanes: number
}

/** @typeParam Token what keeps the lanes of a token. */
export class Lane<Token> {
  /** Its place in the limiter. */
  readonly key: number
  readonly token: Token
  readonly route: Route
  /** Of the token's global limit. Here and not asked of the route: each object that a request touches has its price. */
  readonly isOutsideGlobal: boolean
  bucket: Bucket
  /** Null while nothing is known of the bucket's hash. */
  shared: SharedBucket | null = null
  /** What the last answer said of the bucket. */
  hash = ""
  hashLimit = 0
  /** Null while nobody waits: most lanes never need one. */
  waiters: WaitList<Waiter> | null = null
  /** A limit of this route alone, which the bucket's headers do not show. */
  blockedUntilMs = 0
  /** The webhook is gone; it is not asked again before. */
  goneUntilMs = 0
  inFlight = 0
  lastUsedMs = 0
  /** A 429 has shown a limit that no header tells of: from then on one at a time. */
  isCautious = false
  #failures = 0
  #cancelTimer: (() => void) | null = null

  constructor(key: number, token: Token, route: Route, bucket: Bucket) {
    this.key = key
    this.token = token
    this.route = route
    this.isOutsideGlobal = isOutsideGlobal(route)
    this.bucket = bucket
  }

  /** When the next one may go, as far as lane and bucket are concerned. */
  opensAtMs(nowMs: number): number {
    if (nowMs < this.blockedUntilMs) return this.blockedUntilMs
    if (this.isCautious && this.inFlight > 0) return Number.POSITIVE_INFINITY
    return this.bucket.opensAtMs(nowMs)
  }

  answered(status: number): void {
    this.#failures = failuresAfter(this.#failures, status)
  }

  get keepsFailing(): boolean {
    return keepsFailing(this.#failures)
  }

  /** Its last answer was good. */
  get isGood(): boolean {
    return this.#failures < 0
  }

  /** Replaces the timer that wakes this lane. */
  wakeBy(cancel: (() => void) | null): void {
    this.#cancelTimer?.()
    this.#cancelTimer = cancel
  }

  /** True when nothing would be forgotten with it. */
  isIdle(nowMs: number, sinceMs: number): boolean {
    const isFree = this.waiters === null && this.inFlight === 0 && this.lastUsedMs <= sinceMs
    return isFree && nowMs >= this.blockedUntilMs && nowMs >= this.goneUntilMs && this.bucket.isIdle(nowMs)
  }
}
