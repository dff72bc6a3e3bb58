// Turns that this process decides by itself while Redis is gone: by the state that Redis told last, and at its part of every
// limit, since the other instances do the same. One is made for each outage and forgotten with it.

import { Bucket, type Taken } from "../bucket.ts"
import { GlobalPace } from "../global-pace.ts"
import type { WindowHeaders } from "../limit-headers.ts"
import { dividedRate, dividedWindow } from "./divided.ts"
import type { Settlement, Shortage, Turn, TurnLane, TurnReply, Want, WantReply } from "./turn.ts"

/** Past it, buckets that nothing is known of any more are forgotten. */
const MAX_BUCKETS = 100_000
const NO_PLACE = -1

interface Flight {
  readonly bucket: Bucket
  readonly taken: Taken
  readonly pace: GlobalPace
  readonly place: number
  readonly takenMs: number
}

export class LoneTurns {
  readonly #instances: number
  readonly #outage: number
  readonly #buckets = new Map<string, Bucket>()
  readonly #paces = new Map<string, GlobalPace>()
  readonly #flights = new Map<string, Flight>()
  #permits = 0

  /** @param outage its number, so that a permit of an earlier one is none of ours */
  constructor(instances: number, outage: number) {
    this.#instances = instances
    this.#outage = outage
  }

  take(turn: Turn, nowMs: number): TurnReply {
    const pace = this.#pace(turn)
    const moved = turn.settlements.flatMap((settlement) => this.#settle(settlement, turn, nowMs))
    return {
      decider: this.#outage,
      wants: turn.wants.map((want) => this.#grant(want, turn, nowMs)),
      moved,
      unsettled: [],
      refusedForMs: 0,
      blockedForMs: Math.max(0, pace.blockedUntilMs - nowMs),
      perSecond: pace.perSecond,
    }
  }

  #pace({ identity, perSecond }: Turn): GlobalPace {
    let pace = this.#paces.get(identity)
    if (pace === undefined) {
      pace = new GlobalPace(dividedRate(perSecond, this.#instances))
      this.#paces.set(identity, pace)
    }
    return pace
  }

  #settle(settlement: Settlement, turn: Turn, nowMs: number): TurnReply["moved"] {
    const { lane, id, globalRetryMs, answeredMs, hiddenRetryMs } = settlement
    const outcome = this.#divided(settlement.outcome)
    const flight = this.#flights.get(id)
    if (globalRetryMs !== undefined) this.#pace(turn).limited(globalRetryMs, answeredMs)
    // The lane itself keeps to it.
    if (hiddenRetryMs !== undefined) lane.isCautious = true
    const window = outcome.type === "answered" ? outcome.window : null
    if (flight === undefined) {
      // Redis gave this permit out.
      const bucket = this.#bucket(lane, turn.identity, nowMs)
      if (outcome.type === "limited") bucket.settle(bucket.take(nowMs), outcome, answeredMs)
      else if (window !== null) bucket.hear(window, answeredMs)
      return []
    }
    this.#flights.delete(id)
    flight.bucket.settle(flight.taken, outcome, answeredMs)
    if (flight.place !== NO_PLACE) flight.pace.answered(flight.place, flight.takenMs, answeredMs)
    return window === null ? [] : this.#learn(lane, flight.bucket, window, settlement, turn.identity)
  }

  #divided(outcome: Settlement["outcome"]): Settlement["outcome"] {
    if (outcome.type !== "answered" || outcome.window === null) return outcome
    return { ...outcome, window: dividedWindow(outcome.window, this.#instances) }
  }

  #learn(
    lane: TurnLane,
    bucket: Bucket,
    window: WindowHeaders,
    { outcome, answeredMs }: Settlement,
    identity: string,
  ): TurnReply["moved"] {
    if (lane.bucketName !== "" || window.hash === "" || outcome.type !== "answered" || outcome.window === null)
      return []
    const bucketName = `${window.hash} ${outcome.window.limit}`
    const key = `${identity} ${bucketName} ${lane.route.major}`
    const shared = this.#buckets.get(key)
    if (shared === undefined) this.#buckets.set(key, bucket)
    else shared.hear(window, answeredMs)
    return [{ lane, bucketName }]
  }

  #grant({ lane, permits: wanted }: Want, turn: Turn, nowMs: number): WantReply {
    const permits = lane.isCautious ? Math.min(1, wanted) : wanted
    const bucket = this.#bucket(lane, turn.identity, nowMs)
    const pace = this.#pace(turn)
    const granted: WantReply["granted"][number][] = []
    let shortage: Shortage = { type: "none" }
    while (granted.length < permits) {
      const opensAtMs = lane.isCautious && lane.held.size > 0 ? Number.POSITIVE_INFINITY : bucket.opensAtMs(nowMs)
      const startsAtMs = lane.isOutside ? nowMs : pace.opensAtMs(nowMs)
      if (opensAtMs > nowMs) {
        shortage = { type: "bucket", opensInMs: bucket.remaining === null ? null : opensAtMs - nowMs }
        break
      }
      if (startsAtMs > nowMs) {
        shortage = { type: "global", opensInMs: startsAtMs - nowMs }
        break
      }
      const taken = bucket.take(nowMs)
      const place = lane.isOutside ? NO_PLACE : pace.take(nowMs)
      this.#permits += 1
      const id = `lone:${this.#outage}:${this.#permits}`
      this.#flights.set(id, { bucket, taken, pace, place, takenMs: nowMs })
      granted.push({ id, startsInMs: 0 })
    }
    const { remaining, limit, inFlight, resetAtMs, windowMs } = bucket
    const reading = {
      isTold: remaining !== null,
      limit: limit ?? 0,
      remaining: remaining ?? 0,
      inFlight,
      resetInMs: Math.max(0, resetAtMs - nowMs),
      windowMs,
    }
    return { granted, shortage, bucket: reading }
  }

  #bucket(lane: TurnLane, identity: string, nowMs: number): Bucket {
    const key = `${identity} ${lane.bucketKey}`
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new Bucket()
      const known = lane.known(nowMs)
      if (known?.isTold === true && known.resetInMs > 0) bucket.hear(this.#lastTold(known), nowMs)
      if (this.#buckets.size >= MAX_BUCKETS) this.#forgetIdle(nowMs)
      this.#buckets.set(key, bucket)
    }
    return bucket
  }

  #lastTold({ limit, remaining, inFlight, resetInMs }: NonNullable<ReturnType<TurnLane["known"]>>): WindowHeaders {
    const free = Math.max(0, remaining - inFlight)
    return dividedWindow({ limit, remaining: free, resetAfterMs: resetInMs, hash: "" }, this.#instances)
  }

  #forgetIdle(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isIdle(nowMs)) this.#buckets.delete(key)
  }
}
