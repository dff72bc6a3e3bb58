// Turns that Redis decides, one script each.

import type { Clock } from "../../../flow/clock.ts"
import { CHANNEL, tokenKeys } from "./keys.ts"
import { type Script, type Scripts, scriptOf } from "./scripts.ts"
import type { BucketReading, Settlement, Shortage, Turn, TurnLane, TurnReply, WantReply } from "./turn.ts"
import { TURN_SCRIPT } from "./turn-script.ts"

const TURN: Script = scriptOf(TURN_SCRIPT)
/** Outages count from 1. */
const SHARED = 0
/** A turn is void where the clocks were compared badly; it is taken once more then. */
const MAX_ATTEMPTS = 2
/** What the difference between the clocks may change from turn to turn. */
const CLOCK_DRIFT_MS = 1

export interface RedisTurnsOptions {
  readonly scripts: Scripts
  readonly clock: Clock
  /** The name of this instance. */
  readonly me: string
  /** A turn that reaches Redis later is void. */
  readonly withinMs: number
  /** In place of Redis' own clock, for tests. */
  readonly redisNowMs?: () => number
}

/** What the script returns; empty lists come as empty objects. */
interface RawReply {
  readonly now: number
  readonly late?: true
  readonly answers: readonly RawAnswer[] | object
  /** The place of a lane's key, and the lane's bucket. */
  readonly moved: readonly (readonly [key: number, bucketName: string])[] | object
  /** Places among the settlements. */
  readonly again: readonly number[] | object
  readonly cut: number
  readonly blocked: number
  readonly per: number
}

interface RawAnswer {
  readonly g: readonly number[] | object
  readonly o?: number
  readonly why?: "bucket" | "global" | "moved"
  readonly b?: readonly [know: string, limit: number, left: number, flying: number, resetIn: number, window: number]
}

export class RedisTurns {
  readonly #options: RedisTurnsOptions
  #permits = 0
  /** Redis' clock less ours. */
  #aheadMs: number | null = null

  constructor(options: RedisTurnsOptions) {
    this.#options = options
  }

  /** @throws when Redis does not answer, or comes to it too late. */
  async take(turn: Turn): Promise<TurnReply> {
    const { scripts } = this.#options
    const keys = new KeyList(turn)
    const firsts = turn.wants.map(({ permits }) => {
      this.#permits += permits
      return this.#permits - permits
    })
    for (let attempt = 1; ; attempt += 1) {
      const request = JSON.stringify(this.#request(turn, keys, firsts))
      const text = await scripts.run(TURN, keys.all, [request, CHANNEL, turn.identity])
      // Our own script's.
      const reply = JSON.parse(String(text)) as RawReply
      this.#compareClocks(reply.now)
      if (reply.late !== true) return this.#reply(reply, turn, keys, firsts)
      if (attempt === MAX_ATTEMPTS) throw new Error("Redis comes to the turns too late")
    }
  }

  /** An answer is read some time after Redis said what time it is, so the largest difference is the best. */
  #compareClocks(redisMs: number): void {
    const aheadMs = redisMs - this.#options.clock.nowMs()
    this.#aheadMs = Math.max(aheadMs, (this.#aheadMs ?? aheadMs) - CLOCK_DRIFT_MS)
  }

  #request({ perSecond, settlements, holds, wants }: Turn, keys: KeyList, firsts: readonly number[]) {
    const { clock, me, withinMs, redisNowMs } = this.#options
    const nowMs = clock.nowMs()
    return {
      me,
      per: perSecond,
      ...(redisNowMs !== undefined && { now: Math.round(redisNowMs()) }),
      ...(redisNowMs === undefined &&
        this.#aheadMs !== null && { before: Math.round(nowMs + this.#aheadMs + withinMs) }),
      settle: settlements.map((settlement) => settlementOf(settlement, keys, nowMs)),
      hold: holds.map(({ lane, ids }) => ({ ...keys.of(lane), ids })),
      want: wants.map(({ lane, permits }, index) => ({
        ...keys.of(lane),
        k: permits,
        ...(lane.isOutside && { o: true }),
        first: firsts[index],
      })),
    }
  }

  #reply(reply: RawReply, turn: Turn, keys: KeyList, firsts: readonly number[]): TurnReply {
    const answers = listOf<RawAnswer>(reply.answers)
    return {
      wants: turn.wants.map((_, index) => wantReply(answers[index], this.#options.me, firsts[index] ?? 0)),
      moved: listOf<readonly [number, string]>(reply.moved).flatMap(([key, bucketName]) => {
        const lane = keys.laneAt(key)
        return lane === undefined ? [] : [{ lane, bucketName }]
      }),
      decider: SHARED,
      unsettled: listOf<number>(reply.again).flatMap((index) => turn.settlements[index] ?? []),
      refusedForMs: reply.cut,
      blockedForMs: reply.blocked,
      perSecond: reply.per,
    }
  }
}

function wantReply(answer: RawAnswer | undefined, me: string, first: number): WantReply {
  const delays = listOf<number>(answer?.g ?? [])
  return {
    granted: delays.map((startsInMs, index) => ({ id: `${me}:${first + index}`, startsInMs })),
    shortage: shortageOf(answer),
    bucket: answer?.b === undefined ? null : readingOf(answer.b),
  }
}

function shortageOf(answer: RawAnswer | undefined): Shortage {
  const opensInMs = answer?.o ?? 0
  switch (answer?.why) {
    case "bucket":
      return { type: "bucket", opensInMs: opensInMs < 0 ? null : opensInMs }
    case "global":
      return { type: "global", opensInMs }
    case "moved":
      return { type: "moved" }
    case undefined:
      return { type: "none" }
  }
}

function readingOf([know, limit, remaining, inFlight, resetInMs, windowMs]: NonNullable<
  RawAnswer["b"]
>): BucketReading {
  return { isTold: know === "window", limit, remaining, inFlight, resetInMs, windowMs }
}

function settlementOf(settlement: Settlement, keys: KeyList, nowMs: number) {
  const { lane, id, outcome, sentMs, answeredMs, globalRetryMs, hiddenRetryMs, isRefused } = settlement
  const window = outcome.type === "answered" ? outcome.window : null
  const name = window === null || window.hash === "" ? null : `${window.hash} ${window.limit}`
  return {
    ...keys.of(lane),
    id,
    o: outcome.type,
    sent: Math.max(0, Math.floor(nowMs - sentMs)),
    ago: Math.max(0, Math.floor(nowMs - answeredMs)),
    ...(outcome.type === "limited" && { retry: Math.ceil(outcome.retryAfterMs) }),
    ...(window !== null && {
      w: { limit: window.limit, left: window.remaining, reset: Math.ceil(window.resetAfterMs) },
    }),
    ...(name !== null && { name, n: keys.bucket(lane, name) }),
    ...(globalRetryMs !== undefined && { global: Math.ceil(globalRetryMs) }),
    ...(hiddenRetryMs !== undefined && { hidden: Math.ceil(hiddenRetryMs) }),
    ...(isRefused === true && { cut: true }),
  }
}

/** Each key once, in the order in which the script finds them; it counts from 1. */
class KeyList {
  readonly all: string[] = []
  readonly #names
  readonly #places = new Map<string, number>()
  readonly #lanes = new Map<number, TurnLane>()

  constructor({ identity }: Turn) {
    this.#names = tokenKeys(identity)
    for (const key of [this.#names.token, this.#names.places, this.#names.routes]) this.#place(key)
  }

  of(lane: TurnLane): { readonly l: number; readonly b: number; readonly m: string; readonly t: string } {
    const { bucketName, route } = lane
    const l = this.#place(this.#names.lane(route.template, route.major))
    this.#lanes.set(l, lane)
    return { l, b: bucketName === "" ? l : this.bucket(lane, bucketName), m: bucketName, t: route.template }
  }

  bucket({ route }: TurnLane, name: string): number {
    return this.#place(this.#names.bucket(name, route.major))
  }

  laneAt(place: number): TurnLane | undefined {
    return this.#lanes.get(place)
  }

  #place(key: string): number {
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const place = this.all.push(key)
    this.#places.set(key, place)
    return place
  }
}

function listOf<T>(value: readonly T[] | object): readonly T[] {
  return Array.isArray(value) ? value : []
}
