// The limiter of one process: lanes, their queues, and who goes next. Decisions are the bucket's and the pace's; this file
// keeps the order of gates (bucket, then global, then the invalid-request budget) and wakes those that wait.
// Long because each of these changes what the others decide: apart, they would share all of their state.

import type { Clock } from "../../../flow/clock.ts"
import type { Logger } from "../../../ops/log.ts"
import { BanGate } from "../ban-gate.ts"
import type { Outcome } from "../bucket.ts"
import {
  CUT_OFF_MS,
  GONE_MS,
  HIDDEN_LIMIT_MS,
  LANES_RETRY_MS,
  MAX_WAIT_MS,
  notCallback,
  refusal,
  UNKNOWN_WEBHOOK,
} from "../holds.ts"
import { InvalidBudget } from "../invalid-budget.ts"
import { type LimitScope, tooMany, windowHeaders } from "../limit-headers.ts"
import {
  type Answer,
  type Limiter,
  type LimiterBounds,
  type LimiterReading,
  type LimitRequest,
  type Permit,
  PRIORITIES,
  type Refusal,
  type Verdict,
} from "../limiter.ts"
import { sweepLanes } from "../sweep.ts"
import { WaitList } from "../wait-list.ts"
import { describeLanes, read } from "./describe.ts"
import type { Waiter } from "./lane.ts"
import { LaneIndex } from "./lane-index.ts"
import { type Grant, LanePermit, NO_PLACE, type PermitOwner } from "./permit.ts"
import type { TokenLane, TokenLanes } from "./token-lanes.ts"

export interface MemoryLimiterOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly bounds: LimiterBounds
  readonly budget?: InvalidBudget
  readonly maxLanes?: number
}

export class MemoryLimiter implements Limiter, PermitOwner {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #bounds: LimiterBounds
  readonly #budget: InvalidBudget
  readonly #index: LaneIndex
  readonly #limited429: Record<LimitScope, number> = { user: 0, shared: 0, global: 0, ban: 0 }
  readonly #gate: BanGate<TokenLane>
  #waiting = 0
  #isClosed = false
  readonly #stopSweeping: () => void

  constructor({ clock, log, bounds, budget = new InvalidBudget(), maxLanes }: MemoryLimiterOptions) {
    this.#clock = clock
    this.#log = log
    this.#bounds = bounds
    this.#budget = budget
    this.#index = new LaneIndex(maxLanes)
    this.#gate = new BanGate(clock, (lane, nowMs) => this.#schedule(lane, nowMs))
    this.#stopSweeping = sweepLanes(clock, this.#index, bounds.idleMs)
  }

  get reading(): LimiterReading {
    const counts = read(this.#index.tokens(), this.#budget, this.#gate.ban.untilMs, this.#clock.nowMs())
    return { ...counts, limited: this.#limited429 }
  }

  describe(): unknown {
    return describeLanes(this.#index.tokens(), this.#budget, this.#gate.ban, this.#clock.nowMs())
  }

  acquire(request: LimitRequest): Permit | Refusal | Promise<Permit | Refusal> {
    if (this.#isClosed) return refusal("stopping", null)
    const nowMs = this.#clock.nowMs()
    const lane = this.#index.laneOf(request)
    if (lane === null) return refusal("too many routes", LANES_RETRY_MS)
    lane.lastUsedMs = nowMs
    const refused = this.#refusal(lane, nowMs)
    if (refused !== null) return refused
    const opensAtMs = lane.waiters === null ? this.#opensAtMs(lane, nowMs) : Number.POSITIVE_INFINITY
    if (opensAtMs <= nowMs && (lane.isOutsideGlobal || this.#mayPass(lane.token, nowMs))) {
      return this.#grant(lane, nowMs, nowMs)
    }
    return this.#enqueue(lane, request, nowMs)
  }

  close(): void {
    this.#isClosed = true
    this.#stopSweeping()
    this.#gate.close()
    for (const token of this.#index.tokens()) {
      for (const lane of [...token.waitingLanes]) this.#refuseAll(lane, refusal("stopping", null))
    }
  }

  /** What is certain to fail is answered here. */
  #refusal(lane: TokenLane, nowMs: number): Refusal | null {
    const { token } = lane
    if (nowMs < token.cutOffUntilMs && lane.route.kind === "plain") {
      return refusal("token refused", token.cutOffUntilMs - nowMs)
    }
    if (nowMs < lane.goneUntilMs) return refusal("webhook gone", lane.goneUntilMs - nowMs)
    const state = this.#budget.state(nowMs)
    if (state === "free" || lane.isGood) return null
    if (state === "sparing" && !lane.keepsFailing) return null
    return refusal("invalid budget", this.#budget.retryAfterMs(nowMs))
  }

  #opensAtMs(lane: TokenLane, nowMs: number): number {
    const { ban } = this.#gate
    return ban.isFree ? lane.opensAtMs(nowMs) : Math.max(ban.opensAtMs(nowMs), lane.opensAtMs(nowMs))
  }

  #mayPass(token: TokenLanes, nowMs: number): boolean {
    return (this.#waiting === 0 || !token.hasReady) && token.pace.opensAtMs(nowMs) <= nowMs
  }

  #grant(lane: TokenLane, sinceMs: number, nowMs: number): Permit {
    lane.inFlight += 1
    if (!this.#gate.ban.isFree) this.#gate.ban.take(nowMs)
    const place = lane.isOutsideGlobal ? NO_PLACE : lane.token.pace.take(nowMs)
    return new LanePermit(this, lane, place, nowMs, nowMs - sinceMs)
  }

  #enqueue(lane: TokenLane, request: LimitRequest, nowMs: number): Refusal | Promise<Permit | Refusal> {
    const lastMs = Math.min(request.deadlineMs, nowMs + MAX_WAIT_MS)
    const expectedMs = this.#expectedAtMs(lane, nowMs)
    if (expectedMs > lastMs) return refusal("deadline", expectedMs - nowMs)
    const isRepeat = request.isRepeat === true
    // A repeat had its place already. There are as many of them as connections at most.
    if (!isRepeat) {
      if ((lane.waiters?.size ?? 0) >= this.#bounds.perBucket) return refusal("bucket queue full", expectedMs - nowMs)
      if (this.#waiting >= this.#bounds.total) return refusal("queue full", expectedMs - nowMs)
    }
    return new Promise((resolve) => {
      const signal = request.signal()
      const onAbort = () => {
        if (this.#leave(lane, waiter)) waiter.answer(refusal("client left", null))
      }
      const cancel = this.#clock.after(lastMs - nowMs, () => {
        const now = this.#clock.nowMs()
        const retryAfterMs = Math.max(0, this.#expectedAtMs(lane, now) - now)
        if (this.#leave(lane, waiter)) waiter.answer(refusal("deadline", retryAfterMs))
      })
      const answer = (given: Permit | Refusal) => {
        cancel()
        signal.removeEventListener("abort", onAbort)
        resolve(given)
      }
      const priority = lane.route.kind === "callback" ? "callback" : request.priority
      const waiter: Waiter = { priority, isRepeat, sinceMs: nowMs, answer }
      if (signal.aborted) return resolve(refusal("client left", null))
      signal.addEventListener("abort", onAbort, { once: true })
      this.#join(lane, waiter, nowMs)
    })
  }

  /** When a request that came now would go, as far as can be told: after those before it, a window at a time. */
  #expectedAtMs(lane: TokenLane, nowMs: number): number {
    const opensAtMs = this.#opensAtMs(lane, nowMs)
    const globalAtMs = lane.isOutsideGlobal ? nowMs : lane.token.pace.blockedUntilMs
    const { limit, windowMs, remaining } = lane.bucket
    // A bucket of which nothing is known may open with the next answer.
    const laneAtMs = remaining === null ? Math.max(lane.blockedUntilMs, this.#gate.ban.untilMs, nowMs) : opensAtMs
    const firstMs = Math.max(Number.isFinite(laneAtMs) ? laneAtMs : nowMs, globalAtMs)
    const ahead = lane.waiters?.size ?? 0
    return limit === null ? firstMs : firstMs + Math.floor(ahead / limit) * windowMs
  }

  #join(lane: TokenLane, waiter: Waiter, nowMs: number): void {
    if (lane.waiters === null) {
      lane.waiters = new WaitList()
      lane.token.setWaiting(lane, true)
    }
    lane.waiters.add(waiter)
    this.#waiting += 1
    this.#schedule(lane, nowMs)
  }

  /** False when it has left already. */
  #leave(lane: TokenLane, waiter: Waiter): boolean {
    if (lane.waiters?.delete(waiter) !== true) return false
    this.#waiting -= 1
    if (lane.waiters.size === 0) {
      lane.waiters = null
      lane.token.setWaiting(lane, false)
      this.#unready(lane)
      this.#gate.drop(lane)
      lane.wakeBy(null)
    }
    return true
  }

  /** Finds out what a lane with somebody waiting waits for: its bucket, an answer, or only the global limit. */
  #schedule(lane: TokenLane, nowMs: number): void {
    const first = lane.waiters?.first()
    this.#unready(lane)
    if (first === undefined) return
    if (this.#gate.holds(lane, nowMs, lane.route.kind === "callback")) return lane.wakeBy(null)
    const opensAtMs = lane.opensAtMs(nowMs)
    if (opensAtMs <= nowMs) {
      lane.wakeBy(null)
      lane.token.ready[lane.isOutsideGlobal ? "callback" : notCallback(first.priority)].add(lane)
      this.#pump(lane.token, nowMs)
    } else if (Number.isFinite(opensAtMs)) {
      lane.wakeBy(this.#clock.after(opensAtMs - nowMs, () => this.#schedule(lane, this.#clock.nowMs())))
    }
    // Else an answer wakes it.
  }

  #unready(lane: TokenLane): void {
    for (const priority of PRIORITIES) lane.token.ready[priority].delete(lane)
  }

  /** Sends what may go: lanes take turns, so that a full one starves nobody. */
  #pump(token: TokenLanes, nowMs: number): void {
    for (let next = token.nextReady(); next !== undefined; next = token.nextReady()) {
      const { lane, priority } = next
      if (this.#opensAtMs(lane, nowMs) > nowMs) {
        // Another lane of its bucket was faster, or of any after a ban.
        token.ready[priority].delete(lane)
        this.#schedule(lane, nowMs)
        continue
      }
      const globalAtMs = lane.isOutsideGlobal ? nowMs : token.pace.opensAtMs(nowMs)
      if (globalAtMs > nowMs) return this.#pumpAt(token, globalAtMs - nowMs)
      token.ready[priority].delete(lane)
      this.#sendFirst(lane, nowMs)
      if (lane.waiters !== null) this.#requeue(lane)
    }
  }

  #requeue(lane: TokenLane): void {
    const first = lane.waiters?.first()
    if (first !== undefined) lane.token.ready[lane.isOutsideGlobal ? "callback" : notCallback(first.priority)].add(lane)
  }

  #pumpAt(token: TokenLanes, delayMs: number): void {
    if (token.isPacing) return
    token.isPacing = true
    this.#clock.after(delayMs, () => {
      token.isPacing = false
      this.#pump(token, this.#clock.nowMs())
    })
  }

  #sendFirst(lane: TokenLane, nowMs: number): void {
    const waiter = lane.waiters?.first()
    if (waiter === undefined || !this.#leave(lane, waiter)) return
    waiter.answer(this.#refusal(lane, nowMs) ?? this.#grant(lane, waiter.sinceMs, nowMs))
  }

  #refuseAll(lane: TokenLane, why: Refusal): void {
    for (const waiter of [...(lane.waiters ?? [])]) {
      if (this.#leave(lane, waiter)) waiter.answer(why)
    }
  }

  settle(grant: Grant, answer: Answer, nowMs = this.#clock.nowMs()): Verdict {
    const { lane, bucket, taken } = grant
    const { status, headers } = answer
    lane.answered(status)
    const window = windowHeaders(headers)
    if (status === 429) {
      this.#limited(grant, answer, nowMs)
      return "retry"
    }
    this.#gate.heard(true, nowMs)
    bucket.settle(taken, { type: "answered", window }, nowMs)
    if (window !== null) lane.token.learn(lane, bucket, window, taken, nowMs)
    if (status === 401 || status === 403) this.#budget.spend(nowMs)
    if (status === 401 && lane.route.kind === "plain" && lane.token.identity !== "") this.#cutOff(lane.token, nowMs)
    if (status === 404 && lane.route.kind === "webhook" && UNKNOWN_WEBHOOK.test(answer.body)) {
      lane.goneUntilMs = nowMs + GONE_MS
      this.#refuseAll(lane, refusal("webhook gone", GONE_MS))
    }
    this.#returned(grant, nowMs)
    return "final"
  }

  returned(grant: Grant, outcome: Outcome): void {
    const nowMs = this.#clock.nowMs()
    grant.bucket.settle(grant.taken, outcome, nowMs)
    this.#gate.heard(false, nowMs)
    this.#returned(grant, nowMs)
  }

  #limited(grant: Grant, { headers, body }: Answer, nowMs: number): void {
    const { lane, bucket, taken } = grant
    const { scope, retryAfterMs } = tooMany(headers, body)
    const window = windowHeaders(headers)
    this.#limited429[scope] += 1
    if (scope !== "shared") this.#budget.spend(nowMs)
    this.#log.warn({ route: lane.route.template, scope, retryAfterMs }, "Discord answered 429")
    if (scope === "ban") this.#banned(retryAfterMs, nowMs)
    else this.#gate.heard(true, nowMs)
    if (scope === "global") lane.token.pace.limited(retryAfterMs, nowMs)
    const isHidden = window !== null && (window.remaining > 0 || retryAfterMs > window.resetAfterMs + HIDDEN_LIMIT_MS)
    if (scope === "shared" || (scope === "user" && isHidden)) {
      // The bucket's own headers still hold: the limit is one of this route's alone.
      lane.isCautious = true
      lane.blockedUntilMs = nowMs + retryAfterMs
      bucket.settle(taken, { type: "answered", window }, nowMs)
    } else if (scope === "user") {
      if (window === null) lane.isCautious = true
      bucket.settle(taken, { type: "limited", retryAfterMs }, nowMs)
    } else bucket.settle(taken, { type: "unsent" }, nowMs)
    this.#returned(grant, nowMs)
  }

  #banned(retryAfterMs: number, nowMs: number): void {
    if (!this.#gate.ban.begin(retryAfterMs, nowMs)) return
    const seconds = Math.ceil(retryAfterMs / 1_000)
    this.#log.error({ seconds }, `Cloudflare refuses this IP address: nothing is sent for ${seconds} s`)
  }

  #cutOff(token: TokenLanes, nowMs: number): void {
    if (nowMs >= token.cutOffUntilMs) {
      this.#log.error({ token: token.identity.slice(0, 8) }, "Discord refuses a token (401): its requests stop here")
    }
    token.cutOffUntilMs = nowMs + CUT_OFF_MS
    for (const lane of [...token.waitingLanes]) {
      if (lane.route.kind === "plain") this.#refuseAll(lane, refusal("token refused", CUT_OFF_MS))
    }
  }

  #returned({ lane, bucket, place, takenMs }: Grant, nowMs: number): void {
    lane.inFlight -= 1
    lane.lastUsedMs = nowMs
    const { token } = lane
    if (place !== NO_PLACE) token.pace.answered(place, takenMs, nowMs)
    if (this.#waiting === 0) return
    for (const other of token.waitingLanes) {
      if (other === lane || other.bucket === bucket || other.bucket === lane.bucket) this.#schedule(other, nowMs)
    }
  }
}
