// A lane: the requests of one token for one route and major parameter that wait in this process. Where its bucket stands,
// the turns know; what they said last is remembered here.

import { failuresAfter, keepsFailing } from "../failing.ts"
import { isOutsideGlobal } from "../holds.ts"
import { type Permit, PRIORITIES, type Priority, type Refusal } from "../limiter.ts"
import type { Route } from "../routes.ts"
import { WaitList } from "../wait-list.ts"
import type { BucketReading, TurnLane } from "./turn.ts"

export interface Waiter {
  readonly priority: Priority
  /** Discord has sent it back with 429. */
  readonly isRepeat: boolean
  readonly sinceMs: number
  /** When it gives up. */
  readonly lastMs: number
  /** Ends the wait, with what comes of it. */
  readonly answer: (answer: Permit | Refusal) => void
}

/** @typeParam Token what keeps the lanes of a token. */
export class Lane<Token extends { readonly blockedUntilMs: number }> implements TurnLane {
  /** Its place in the limiter. */
  readonly key: number
  readonly token: Token
  readonly route: Route
  readonly isOutside: boolean
  readonly waiters = new WaitList<Waiter>()
  /** Whose deadlines no turn has been held against yet. */
  readonly unreviewed: Waiter[] = []
  /** Without the major parameter; empty while nothing is known of it. */
  bucketName = ""
  /** Permits that are given out and start a little later. */
  promised = 0
  /** By id, when each was given out or last renewed. */
  readonly held = new Map<string, number>()
  /** Not to be asked for before; 0: at once. */
  askAtMs = 0
  /** Only an answer can tell, of this process or of another. */
  waitsForAnswer = false
  /** When a turn last gave it less than it wanted. */
  shortSinceMs = Number.NEGATIVE_INFINITY
  /** The webhook is gone; it is not asked again before. */
  goneUntilMs = 0
  /** A limit of this route alone, which the bucket's headers do not show, and one at a time since then. */
  blockedUntilMs = 0
  isCautious = false
  lastUsedMs = 0
  #failures = 0
  #known: { readonly reading: BucketReading; readonly atMs: number } | null = null

  constructor(key: number, token: Token, route: Route) {
    this.key = key
    this.token = token
    this.route = route
    this.isOutside = isOutsideGlobal(route)
  }

  /** The same for all lanes that share the bucket. */
  get bucketKey(): string {
    const { template, major } = this.route
    return this.bucketName === "" ? `${template} ${major}` : `${this.bucketName} ${major}`
  }

  /** Lower ones ask first. */
  get rank(): number {
    if (this.isOutside) return 0
    const first = this.waiters.first()
    return first === undefined ? PRIORITIES.length : PRIORITIES.indexOf(first.priority)
  }

  learn(reading: BucketReading, nowMs: number): void {
    this.#known = { reading, atMs: nowMs }
  }

  /** What the last turn said of the bucket; `resetInMs` from now. */
  known(nowMs: number): BucketReading | null {
    if (this.#known === null) return null
    const { reading, atMs } = this.#known
    return { ...reading, resetInMs: Math.max(0, reading.resetInMs - (nowMs - atMs)) }
  }

  /** When the next one may go, as far as can be told. */
  opensAtMs(nowMs: number): number {
    const isClosed = !this.waitsForAnswer && this.askAtMs > nowMs
    return Math.max(
      nowMs,
      this.blockedUntilMs,
      isClosed ? this.askAtMs : 0,
      this.isOutside ? 0 : this.token.blockedUntilMs,
    )
  }

  /** When a request that came now would go: after those before it, a window at a time. */
  expectedAtMs(nowMs: number): number {
    const opensAtMs = this.opensAtMs(nowMs)
    const known = this.known(nowMs)
    if (known === null || !known.isTold || known.limit === 0) return opensAtMs
    return opensAtMs + Math.floor(this.waiters.size / known.limit) * known.windowMs
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

  /** True when nothing would be forgotten with it that Redis does not know. */
  isIdle(nowMs: number, sinceMs: number): boolean {
    const isFree = this.waiters.size === 0 && this.held.size === 0 && this.promised === 0
    return isFree && this.lastUsedMs <= sinceMs && nowMs >= this.goneUntilMs && nowMs >= this.blockedUntilMs
  }
}
