// One token in this process: its lanes, and its turns, one at a time. Whatever comes while one is decided goes with the next,
// so that a busy token costs a round trip for many requests, and an idle one costs it none.

import type { Clock } from "../../../flow/clock.ts"
import type { BanGate } from "../ban-gate.ts"
import type { Route } from "../routes.ts"
import { LEASE_MS } from "./bucket-script.ts"
import { Lane } from "./lane.ts"
import type { Granted, Settlement, Turn, TurnReply, Want, WantReply } from "./turn.ts"

/** Of one turn. */
const MAX_SETTLEMENTS = 200
const MAX_WANTS = 100
const MAX_PERMITS = 50
/** Lanes that ask where the global limit was what they lacked: it lets no more than this through at once. */
const MAX_GLOBAL_WANTS = 8
const MAX_BUCKET_NAMES = 1_000
/** A lane whose bucket only an answer can open asks again after this, in case nobody woke it. */
const ASK_AGAIN_MS = 1_000
/** A permit that was given out so long ago may be somebody else's by now. */
const STALE_MS = LEASE_MS / 2
const SECOND_MS = 1_000
/** Permits in flight are renewed when they are this old. */
const RENEW_MS = LEASE_MS / 3

export type SharedLane = Lane<SharedToken>

type OwnWant = Want & { readonly lane: SharedLane }

/** A settlement of this token. */
export type OwnSettlement = Settlement & { readonly lane: SharedLane }

export interface TokenOptions {
  readonly identity: string
  readonly perSecond: number
  readonly clock: Clock
  take(turn: Turn): Promise<TurnReply>
  /** Holds tokens back after a ban of the IP address; lets them ask for one permit at a time. */
  readonly gate: BanGate<SharedToken>
  /** A permit may be used now. */
  start(lane: SharedLane, id: string): void
  /** A turn has told when a lane opens: some may wait in vain. */
  told(lane: SharedLane): void
  /** Discord has refused the token. */
  refused(token: SharedToken): void
}

export class SharedToken {
  readonly options: TokenOptions
  /** What lanes of a template are likely to share; a turn says where it is otherwise. */
  readonly #bucketNames = new Map<string, string>()
  /** In the order in which they get their turn. */
  readonly waiting = new Set<SharedLane>()
  readonly #settlements: Settlement[] = []
  readonly #holding = new Set<SharedLane>()
  #size = 0
  #isTurning = false
  #isPlanned = false
  #cancelTimer = () => {}
  #globalAtMs = 0
  #isGlobalBound = false
  #decider: number | null = null
  /** Nothing that counts in the global limit goes before: a second's requests are unknown to whoever decides now. */
  #pauseUntilMs = 0
  /** The gate holds it back. */
  #isHeld = false
  /** The gate has let it ask for one permit. */
  #isAdmitted = false
  /** Of a global 429. */
  blockedUntilMs = 0
  /** Discord has refused the token with 401. */
  refusedUntilMs = 0
  /** The global limit as it is kept now. */
  perSecond: number

  constructor(options: TokenOptions) {
    this.options = options
    this.perSecond = options.perSecond
  }

  get size(): number {
    return this.#size
  }

  newLane(key: number, route: Route): SharedLane {
    const lane = new Lane<SharedToken>(key, this, route)
    lane.bucketName = this.#bucketNames.get(route.template) ?? ""
    this.#size += 1
    return lane
  }

  /** One of its lanes is gone. */
  forget(): void {
    this.#size -= 1
  }

  /** True when nothing would be forgotten with it and its last lane. */
  isIdle(nowMs: number): boolean {
    return !this.#isTurning && this.#settlements.length === 0 && nowMs >= this.refusedUntilMs
  }

  hold(lane: SharedLane, id: string, nowMs: number): void {
    lane.held.set(id, nowMs)
    this.#holding.add(lane)
  }

  /** Takes note of how a permit ended, and of who may go on because of it. */
  settle(settlement: OwnSettlement): void {
    const { lane, id } = settlement
    lane.held.delete(id)
    if (lane.held.size === 0) this.#holding.delete(lane)
    this.#settlements.push(settlement)
    for (const other of this.waiting) if (other.bucketKey === lane.bucketKey) other.askAtMs = 0
    this.plan()
  }

  /** Another instance has an answer that a lane here may wait for. */
  wake(): void {
    const nowMs = this.options.clock.nowMs()
    let isAwake = false
    for (const lane of this.waiting) {
      // A permit in flight may come back unused.
      const isHeldByOthers = (lane.known(nowMs)?.remaining ?? 0) > 0
      if (!lane.waitsForAnswer && !isHeldByOthers) continue
      lane.askAtMs = 0
      isAwake = true
    }
    if (isAwake) this.plan()
  }

  /** A turn soon, with whatever else comes until then. */
  plan(): void {
    if (this.#isPlanned || this.#isTurning) return
    this.#isPlanned = true
    queueMicrotask(() => void this.#turns())
  }

  /** The gate lets one request of it go. */
  admit(): void {
    this.#isHeld = false
    this.#isAdmitted = true
    this.plan()
  }

  /** Stops its timer; it may go on all the same. */
  close(): void {
    this.#cancelTimer()
    this.options.gate.drop(this)
  }

  async #turns(): Promise<void> {
    this.#isPlanned = false
    this.#isTurning = true
    const { clock, take } = this.options
    for (let turn = this.#gather(clock.nowMs()); turn !== null; turn = this.#gather(clock.nowMs())) {
      const startedMs = clock.nowMs()
      this.#apply(turn.wants, await take(turn), startedMs)
    }
    this.#isTurning = false
    this.#setTimer(clock.nowMs())
  }

  /** Null when there is nothing to say and nothing to ask for. */
  #gather(nowMs: number): (Turn & { readonly wants: readonly OwnWant[] }) | null {
    const { identity, perSecond } = this.options
    const wants = this.#wants(nowMs)
    const settlements = this.#settlements.splice(0, MAX_SETTLEMENTS)
    const holds = [...this.#holding].flatMap((lane) => {
      const ids = [...lane.held].filter(([, sinceMs]) => nowMs - sinceMs >= RENEW_MS).map(([id]) => id)
      return ids.length === 0 ? [] : [{ lane, ids }]
    })
    if (wants.length === 0 && settlements.length === 0 && holds.length === 0) return null
    for (const { lane, ids } of holds) for (const id of ids) lane.held.set(id, nowMs)
    return { identity, perSecond, settlements, holds, wants }
  }

  #wants(nowMs: number): OwnWant[] {
    const { gate } = this.options
    if (this.waiting.size === 0) gate.drop(this)
    const asking = this.#isHeld ? [] : this.#asking(nowMs)
    if (gate.ban.isFree && !this.#isAdmitted) return asking
    const wasAdmitted = this.#isAdmitted
    this.#isAdmitted = false
    const [first] = asking
    if (first === undefined) {
      if (wasAdmitted) gate.heard(false, nowMs)
      return []
    }
    if (!wasAdmitted) {
      this.#isHeld = gate.holds(this, nowMs)
      if (this.#isHeld) return []
      gate.ban.take(nowMs)
    }
    return [{ lane: first.lane, permits: 1 }]
  }

  #asking(nowMs: number): OwnWant[] {
    const asking: OwnWant[] = []
    for (const lane of this.waiting) {
      const permits = Math.min(lane.waiters.size - lane.promised, MAX_PERMITS)
      if (permits > 0 && nowMs >= this.#askAtMs(lane)) asking.push({ lane, permits })
    }
    // Stable: within a priority lanes take turns.
    const most = this.#isGlobalBound ? MAX_GLOBAL_WANTS : MAX_WANTS
    return asking.sort((a, b) => a.lane.rank - b.lane.rank).slice(0, most)
  }

  #askAtMs(lane: SharedLane): number {
    return Math.max(
      lane.askAtMs,
      lane.blockedUntilMs,
      lane.isOutside ? 0 : Math.max(this.#globalAtMs, this.#pauseUntilMs),
    )
  }

  #apply(wants: readonly OwnWant[], reply: TurnReply, startedMs: number): void {
    const nowMs = this.options.clock.nowMs()
    this.#settlements.unshift(...reply.unsettled)
    if (reply.decider !== (this.#decider ?? reply.decider)) this.#pauseUntilMs = nowMs + SECOND_MS
    this.#decider = reply.decider
    for (const { lane, bucketName } of reply.moved) {
      lane.bucketName = bucketName
      if (this.#bucketNames.size < MAX_BUCKET_NAMES) this.#bucketNames.set(lane.route.template, bucketName)
    }
    // An answer that came meanwhile may have said more.
    if (reply.refusedForMs > 0) this.refusedUntilMs = Math.max(this.refusedUntilMs, nowMs + reply.refusedForMs)
    if (reply.blockedForMs > 0) this.blockedUntilMs = Math.max(this.blockedUntilMs, nowMs + reply.blockedForMs)
    this.perSecond = reply.perSecond
    this.#isGlobalBound = reply.wants.some(({ shortage }) => shortage.type === "global")
    for (const [index, { lane }] of wants.entries()) {
      const answer = reply.wants[index]
      if (answer !== undefined) this.#applyTo(lane, answer, startedMs, nowMs)
    }
    const { gate } = this.options
    // Nothing goes, so that somebody else may.
    if (!gate.ban.isFree && wants.length > 0 && reply.wants.every(({ granted }) => granted.length === 0)) {
      gate.heard(false, nowMs)
    }
    if (nowMs < this.refusedUntilMs) this.options.refused(this)
  }

  #applyTo(lane: SharedLane, { granted, shortage, bucket }: WantReply, startedMs: number, nowMs: number): void {
    if (bucket !== null) lane.learn(bucket, nowMs)
    lane.waitsForAnswer = shortage.type === "bucket" && shortage.opensInMs === null
    lane.askAtMs = 0
    if (shortage.type === "bucket") lane.askAtMs = nowMs + (shortage.opensInMs ?? ASK_AGAIN_MS)
    if (shortage.type === "global") this.#globalAtMs = nowMs + shortage.opensInMs
    if (shortage.type === "bucket" || shortage.type === "global") lane.shortSinceMs = nowMs
    if (shortage.type !== "moved") this.options.told(lane)
    if (granted.length > 0 && this.waiting.delete(lane)) this.waiting.add(lane)
    for (const grant of granted) this.#start(lane, grant, startedMs)
  }

  #start(lane: SharedLane, { id, startsInMs }: Granted, startedMs: number): void {
    const { clock, start } = this.options
    const dueMs = clock.nowMs() + startsInMs
    this.hold(lane, id, clock.nowMs())
    lane.promised += 1
    const go = () => {
      const nowMs = clock.nowMs()
      lane.promised -= 1
      // This process was held up for long: the permit may have run out.
      if (nowMs - startedMs < STALE_MS) return start(lane, id)
      this.settle({ lane, id, outcome: { type: "unsent" }, sentMs: nowMs, answeredMs: nowMs })
    }
    if (dueMs <= clock.nowMs()) go()
    else clock.after(startsInMs, go)
  }

  #setTimer(nowMs: number): void {
    this.#cancelTimer()
    let atMs = Number.POSITIVE_INFINITY
    for (const lane of this.#isHeld ? [] : this.waiting) {
      if (lane.waiters.size > lane.promised) atMs = Math.min(atMs, this.#askAtMs(lane))
    }
    for (const lane of this.#holding)
      for (const sinceMs of lane.held.values()) atMs = Math.min(atMs, sinceMs + RENEW_MS)
    if (Number.isFinite(atMs))
      this.#cancelTimer = this.options.clock.after(Math.max(1, atMs - nowMs), () => this.plan())
    else this.#cancelTimer = () => {}
  }
}
