// A token's global limit: 50 requests a second unless its owner has arranged for more. Paced, because Discord may answer
// 429 to 50 in one instant; and counted, because the network squeezes together what was sent apart.
// Source: Discord's documentation, Rate Limits › Global Rate Limit.

import { type AnswerTimes, MOST_WAY_MS, wayOf } from "./way.ts"

export const WINDOW_MS = 1_000
const MS_PER_SECOND = 1_000
/** After the event loop was late, a few may go at once, or the lost time would be lost for good. */
export const BURST = 3
/** A global 429 says that the true limit is lower than we thought. */
export const LOWER_BY = 0.8
export const MIN_PER_SECOND = 1
/** The limit may have been exceeded by somebody else that uses the token: it is tried again, this much a step. */
export const RAISE_BY = 1.1
export const RAISE_EVERY_MS = 60_000

export class GlobalPace implements AnswerTimes {
  readonly #configured: number
  #perSecond: number
  // A Pace's two numbers, and those of its answers' times, here and not in objects: each that a request touches has its price.
  #intervalMs: number
  #dueMs = Number.NEGATIVE_INFINITY
  /** When each place is free again, oldest first from `#next` on. */
  #freeAtMs: Float64Array
  #next = 0
  /** When the next one is, so that the question needs no look at all of them. */
  #nextAtMs = Number.NEGATIVE_INFINITY
  #blockedUntilMs = 0
  #raiseAtMs = Number.POSITIVE_INFINITY
  meanMs = Number.NaN
  deviationMs = 0

  constructor(perSecond: number) {
    this.#configured = perSecond
    this.#perSecond = perSecond
    this.#intervalMs = MS_PER_SECOND / perSecond
    this.#freeAtMs = new Float64Array(Math.floor(perSecond)).fill(Number.NEGATIVE_INFINITY)
  }

  /** The limit that is kept now: as configured, or what global 429s have taught. */
  get perSecond(): number {
    return this.#perSecond
  }

  /** True when a new one would be the same. */
  isIdle(nowMs: number): boolean {
    // Asking raises a learned limit whose time has come.
    return this.opensAtMs(nowMs) <= nowMs && this.#perSecond === this.#configured
  }

  get blockedUntilMs(): number {
    return this.#blockedUntilMs
  }

  /** When the next one may go: `nowMs` when it may go now. */
  opensAtMs(nowMs: number): number {
    if (nowMs >= this.#raiseAtMs) this.#set(this.#perSecond * RAISE_BY, nowMs)
    const dueMs = this.#dueMs - (BURST - 1) * this.#intervalMs
    return Math.max(nowMs, this.#blockedUntilMs, this.#nextAtMs, dueMs)
  }

  /** @returns the place, for `answered`. */
  take(nowMs: number): number {
    this.#dueMs = Math.max(this.#dueMs, nowMs) + this.#intervalMs
    const place = this.#next
    this.#freeAtMs[place] = nowMs + MOST_WAY_MS + WINDOW_MS
    this.#setNext((place + 1) % this.#freeAtMs.length)
    return place
  }

  /**
   * The request that took a place then is answered, or was never sent. Discord has counted it somewhere between: a place is
   * free again a window after the answer, or after the way there, or a slow route would take the others' places.
   */
  answered(place: number, takenMs: number, nowMs: number): void {
    const wayMs = wayOf(this, nowMs - takenMs)
    // Whoever has it next took it a window later at least.
    const isStillIts = (this.#freeAtMs[place] ?? Number.POSITIVE_INFINITY) < takenMs + 2 * WINDOW_MS
    if (!isStillIts) return
    this.#freeAtMs[place] = takenMs + wayMs + WINDOW_MS
    if (place === this.#next) this.#setNext(place)
  }

  #setNext(place: number): void {
    this.#next = place
    this.#nextAtMs = this.#freeAtMs[place] ?? Number.NEGATIVE_INFINITY
  }

  /** Discord said 429 for the whole token. Several answers of one excess lower the rate once. */
  limited(retryAfterMs: number, nowMs: number): void {
    const isFirst = nowMs >= this.#blockedUntilMs
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, nowMs + retryAfterMs)
    if (isFirst) this.#set(this.#perSecond * LOWER_BY, nowMs)
  }

  #set(perSecond: number, nowMs: number): void {
    this.#perSecond = Math.min(this.#configured, Math.max(MIN_PER_SECOND, perSecond))
    this.#intervalMs = MS_PER_SECOND / this.#perSecond
    this.#freeAtMs = new Float64Array(Math.floor(this.#perSecond)).fill(nowMs + WINDOW_MS)
    this.#setNext(0)
    this.#raiseAtMs = this.#perSecond < this.#configured ? nowMs + RAISE_EVERY_MS : Number.POSITIVE_INFINITY
  }
}
