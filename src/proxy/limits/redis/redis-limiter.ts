// The limiter of many processes: each queues its own requests by priority, and Redis decides for all of them whose turn it is.
// What is refused at once, and for how long, is as in memory/.

import type { Clock } from "../../../flow/clock.ts"
import type { Logger } from "../../../ops/log.ts"
import { BanGate } from "../ban-gate.ts"
import { CUT_OFF_MS, GONE_MS, LANES_RETRY_MS, MAX_WAIT_MS, refusal, UNKNOWN_WEBHOOK } from "../holds.ts"
import { type LimitScope, tooMany, windowHeaders } from "../limit-headers.ts"
import type {
  Answer,
  Limiter,
  LimiterBounds,
  LimiterReading,
  LimitRequest,
  Permit,
  Refusal,
  Verdict,
} from "../limiter.ts"
import { sweepLanes } from "../sweep.ts"
import { describe, read } from "./describe.ts"
import type { Waiter } from "./lane.ts"
import { LaneIndex } from "./lane-index.ts"
import { limited } from "./limited.ts"
import { RedisLink } from "./link.ts"
import { type Grant, type PermitOwner, SharedPermit } from "./permit.ts"
import type { Scripts } from "./scripts.ts"
import { SharedBudget } from "./shared-budget.ts"
import { type OwnSettlement, type SharedLane, SharedToken } from "./token.ts"

export interface RedisLimiterOptions {
  readonly scripts: Scripts
  /** Calls back with each message of the channel (keys.ts), from now on. */
  readonly listen: (onMessage: (message: string) => void) => void
  readonly clock: Clock
  readonly log: Logger
  readonly bounds: LimiterBounds
  /** The name of this instance; no other one has it. */
  readonly me: string
  /** Instances that send from the same IP address name the same. */
  readonly address: string
  /** Invalid requests that the address can afford in ten minutes. */
  readonly invalidLimit?: number
  /** Lets go of the connections. */
  readonly release?: () => void
  /** In place of Redis' own clock, for tests. */
  readonly redisNowMs?: () => number
}

export class RedisLimiter implements Limiter, PermitOwner {
  readonly #options: RedisLimiterOptions
  readonly #link: RedisLink
  readonly #budget: SharedBudget
  readonly #gate: BanGate<SharedToken>
  readonly #index = new LaneIndex((identity, perSecond) => this.#newToken(identity, perSecond))
  readonly #limited429: Record<LimitScope, number> = { user: 0, shared: 0, global: 0, ban: 0 }
  readonly #stopSweeping: () => void
  #waiting = 0
  #isClosed = false

  constructor(options: RedisLimiterOptions) {
    this.#options = options
    const { clock, bounds, invalidLimit, listen, me } = options
    this.#budget = new SharedBudget(invalidLimit)
    this.#gate = new BanGate(clock, (token, nowMs) => {
      this.#gate.ban.take(nowMs)
      token.admit()
    })
    this.#link = new RedisLink({ ...options, budget: this.#budget, onBan: (forMs) => this.#ban(forMs) })
    this.#stopSweeping = sweepLanes(clock, this.#index, bounds.idleMs)
    listen((message) => {
      const [who, identity] = message.split(" ")
      if (who === me) return
      if (identity === undefined) this.#link.beatNow()
      else this.#index.token(identity)?.wake()
    })
  }

  get reading(): LimiterReading {
    const { state, instances } = this.#link
    const nowMs = this.#options.clock.nowMs()
    return {
      ...read(this.#index.tokens(), nowMs),
      invalidLeft: this.#budget.left(nowMs),
      bannedForMs: Math.max(0, this.#gate.ban.untilMs - nowMs),
      limited: this.#limited429,
      sharing:
        state.type === "alone"
          ? { type: "alone", instances, sinceMs: nowMs - state.sinceMs }
          : { type: "shared", instances },
    }
  }

  describe(): unknown {
    const nowMs = this.#options.clock.nowMs()
    const { sharing, bannedForMs, invalidLeft } = this.reading
    return { sharing, bannedForMs, invalidRequestsLeft: invalidLeft, ...describe(this.#index.tokens(), nowMs) }
  }

  acquire(request: LimitRequest): Refusal | Promise<Permit | Refusal> {
    if (this.#isClosed) return refusal("stopping", null)
    const nowMs = this.#options.clock.nowMs()
    const lane = this.#index.laneOf(request)
    if (lane === null) return refusal("too many routes", LANES_RETRY_MS)
    lane.lastUsedMs = nowMs
    return this.#refusal(lane, nowMs) ?? this.#enqueue(lane, request, nowMs)
  }

  close(): void {
    this.#isClosed = true
    this.#stopSweeping()
    this.#gate.close()
    for (const token of this.#index.tokens()) {
      for (const lane of token.waiting) this.#refuseAll(lane, refusal("stopping", null))
      token.close()
    }
    void this.#link.close().finally(this.#options.release)
  }

  #newToken(identity: string, perSecond: number): SharedToken {
    return new SharedToken({
      identity,
      perSecond,
      clock: this.#options.clock,
      take: (turn) => this.#link.take(turn),
      gate: this.#gate,
      start: (lane, id) => this.#start(lane, id),
      told: (lane) => this.#review(lane),
      refused: (one) => this.#refuseToken(one),
    })
  }

  /** What is certain to fail is answered here. */
  #refusal(lane: SharedLane, nowMs: number): Refusal | null {
    const { refusedUntilMs } = lane.token
    if (nowMs < refusedUntilMs && lane.route.kind === "plain") return refusal("token refused", refusedUntilMs - nowMs)
    if (nowMs < lane.goneUntilMs) return refusal("webhook gone", lane.goneUntilMs - nowMs)
    const state = this.#budget.state(nowMs)
    if (state === "free" || lane.isGood) return null
    if (state === "sparing" && !lane.keepsFailing) return null
    return refusal("invalid budget", this.#budget.retryAfterMs(nowMs))
  }

  #enqueue(lane: SharedLane, request: LimitRequest, nowMs: number): Refusal | Promise<Permit | Refusal> {
    const { clock, bounds } = this.#options
    const lastMs = Math.min(request.deadlineMs, nowMs + MAX_WAIT_MS)
    const expectedMs = Math.max(lane.expectedAtMs(nowMs), this.#gate.ban.untilMs)
    if (expectedMs > lastMs) return refusal("deadline", expectedMs - nowMs)
    const isRepeat = request.isRepeat === true
    // A repeat had its place already. There are as many of them as connections at most.
    if (!isRepeat) {
      if (lane.waiters.size >= bounds.perBucket) return refusal("bucket queue full", expectedMs - nowMs)
      // Each waits for its turn's answer at least; whoever waits for nothing else is let in.
      const isFree = lane.waiters.size === 0 && expectedMs <= nowMs
      if (this.#waiting >= bounds.total && !isFree) return refusal("queue full", expectedMs - nowMs)
    }
    const signal = request.signal()
    if (signal.aborted) return refusal("client left", null)
    return new Promise((resolve) => {
      const onAbort = () => this.#end(lane, waiter, refusal("client left", null))
      const cancel = clock.after(lastMs - nowMs, () => {
        const now = clock.nowMs()
        this.#end(lane, waiter, refusal("deadline", Math.max(0, lane.expectedAtMs(now) - now)))
      })
      const answer = (given: Permit | Refusal) => {
        cancel()
        signal.removeEventListener("abort", onAbort)
        resolve(given)
      }
      const priority = lane.route.kind === "callback" ? "callback" : request.priority
      const waiter: Waiter = { priority, isRepeat, sinceMs: nowMs, lastMs, answer }
      signal.addEventListener("abort", onAbort, { once: true })
      lane.waiters.add(waiter)
      lane.token.waiting.add(lane)
      lane.unreviewed.push(waiter)
      this.#waiting += 1
      lane.token.plan()
    })
  }

  /** False when it is over already. */
  #end(lane: SharedLane, waiter: Waiter, answer: Permit | Refusal): boolean {
    if (!lane.waiters.delete(waiter)) return false
    this.#waiting -= 1
    if (lane.waiters.size === 0) lane.token.waiting.delete(lane)
    waiter.answer(answer)
    return true
  }

  #refuseAll(lane: SharedLane, why: Refusal): void {
    for (const waiter of [...lane.waiters]) this.#end(lane, waiter, why)
  }

  /** Whoever is first now gets the permit, if anybody still waits. */
  #start(lane: SharedLane, id: string): void {
    const nowMs = this.#options.clock.nowMs()
    const grant = { lane, id, sentMs: nowMs }
    const waiter = lane.waiters.first()
    const refused = waiter === undefined ? null : this.#refusal(lane, nowMs)
    if (waiter === undefined || refused !== null) {
      this.returned(grant, "unsent")
      if (waiter !== undefined && refused !== null) this.#end(lane, waiter, refused)
      return
    }
    const hadToWait = lane.shortSinceMs >= waiter.sinceMs
    this.#end(lane, waiter, new SharedPermit(this, grant, hadToWait ? nowMs - waiter.sinceMs : 0))
  }

  /** Those that cannot make their deadline need not wait for it. */
  #review(lane: SharedLane): void {
    const nowMs = this.#options.clock.nowMs()
    const opensAtMs = lane.opensAtMs(nowMs)
    for (const waiter of lane.unreviewed.splice(0)) {
      if (opensAtMs > waiter.lastMs) this.#end(lane, waiter, refusal("deadline", opensAtMs - nowMs))
    }
  }

  #refuseToken(token: SharedToken): void {
    const forMs = token.refusedUntilMs - this.#options.clock.nowMs()
    for (const lane of token.waiting) {
      if (lane.route.kind === "plain") this.#refuseAll(lane, refusal("token refused", forMs))
    }
  }

  settle(grant: Grant, answer: Answer): Verdict {
    const nowMs = this.#options.clock.nowMs()
    const { lane } = grant
    const { status } = answer
    lane.answered(status)
    lane.lastUsedMs = nowMs
    if (status === 401 || status === 403) this.#spend(nowMs)
    if (status === 429) {
      lane.token.settle(this.#limited(grant, answer, nowMs))
      return "retry"
    }
    const isRefused = status === 401 && lane.route.kind === "plain" && lane.token.options.identity !== ""
    const outcome = { type: "answered", window: windowHeaders(answer.headers) } as const
    lane.token.settle({ ...grant, outcome, answeredMs: nowMs, ...(isRefused && { isRefused }) })
    this.#gate.heard(true, nowMs)
    if (isRefused) this.#cutOff(lane.token, nowMs)
    if (status === 404 && lane.route.kind === "webhook" && UNKNOWN_WEBHOOK.test(answer.body)) {
      lane.goneUntilMs = nowMs + GONE_MS
      this.#refuseAll(lane, refusal("webhook gone", GONE_MS))
    }
    return "final"
  }

  returned(grant: Grant, type: "unsent" | "unanswered"): void {
    const nowMs = this.#options.clock.nowMs()
    grant.lane.lastUsedMs = nowMs
    grant.lane.token.settle({ ...grant, outcome: { type }, answeredMs: nowMs })
    this.#gate.heard(false, nowMs)
  }

  #limited(grant: Grant, { headers, body }: Answer, nowMs: number): OwnSettlement {
    const { lane } = grant
    const { scope, retryAfterMs } = tooMany(headers, body)
    const window = windowHeaders(headers)
    this.#limited429[scope] += 1
    if (scope !== "shared") this.#spend(nowMs)
    this.#options.log.warn({ route: lane.route.template, scope, retryAfterMs }, "Discord answered 429")
    if (scope === "ban") {
      this.#ban(retryAfterMs)
      this.#link.banned(retryAfterMs)
    } else this.#gate.heard(true, nowMs)
    return limited(grant, { scope, retryAfterMs }, window, nowMs)
  }

  #spend(nowMs: number): void {
    const before = this.#budget.state(nowMs)
    this.#budget.spend(nowMs)
    // Near the bound each of them counts, for the other instances too.
    if (before !== "free" || this.#budget.state(nowMs) !== before) this.#link.beatNow()
  }

  #ban(forMs: number): void {
    const nowMs = this.#options.clock.nowMs()
    if (!this.#gate.ban.begin(forMs, nowMs)) return
    const seconds = Math.ceil(forMs / 1_000)
    this.#options.log.error({ seconds }, `Cloudflare refuses this IP address: nothing is sent for ${seconds} s`)
  }

  #cutOff(token: SharedToken, nowMs: number): void {
    if (nowMs >= token.refusedUntilMs) {
      const shown = token.options.identity.slice(0, 8)
      this.#options.log.error({ token: shown }, "Discord refuses a token (401): its requests stop here")
    }
    token.refusedUntilMs = nowMs + CUT_OFF_MS
    this.#refuseToken(token)
  }
}
