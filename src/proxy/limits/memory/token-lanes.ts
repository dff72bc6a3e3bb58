// All lanes of one token, the buckets that they share, its global pace, and which lanes are ready to send.
// Long-lived state is dropped lane by lane when it is idle.

import { Bucket, type Taken } from "../bucket.ts"
import { GlobalPace } from "../global-pace.ts"
import type { WindowHeaders } from "../limit-headers.ts"
import type { Priority } from "../limiter.ts"
import type { Route } from "../routes.ts"
import { Lane, type SharedBucket } from "./lane.ts"

/** Routes whose hash is remembered for major parameters that were not seen yet. */
const MAX_HASHES = 1_000

/** Hashes that are kept once for all lanes; there are a few dozen. */
const MAX_NAMES = 10_000

export type TokenLane = Lane<TokenLanes>

/** One text for each hash, however many lanes have it. */
export class HashNames {
  readonly #names = new Map<string, string>()

  of(hash: string): string {
    const known = this.#names.get(hash)
    if (known !== undefined) return known
    if (this.#names.size < MAX_NAMES) this.#names.set(hash, hash)
    return hash
  }
}

export class TokenLanes {
  /** The digest. */
  readonly identity: string
  readonly pace: GlobalPace
  #size = 0
  /** Lanes with somebody waiting whose bucket is open: they only wait for the global limit. */
  readonly ready: Readonly<Record<Priority, Set<TokenLane>>> = {
    callback: new Set(),
    high: new Set(),
    normal: new Set(),
    low: new Set(),
  }
  /** Discord has refused the token with 401. */
  cutOffUntilMs = 0
  /** Whether a timer for the global pace runs. */
  isPacing = false
  /** Shared buckets by hash, limit and major parameter. */
  readonly #buckets = new Map<string, SharedBucket>()
  /** Lanes that are at home in one of them. */
  #sharing = 0
  /** What is known of a template: its bucket's hash and limit. */
  readonly #hashes = new Map<string, string>()
  /** Templates that do not share the bucket of their hash; null while there are none. */
  #apart: Set<string> | null = null
  readonly #names: HashNames
  readonly #waitingLanes = new Set<TokenLane>()

  constructor(identity: string, perSecond: number, names: HashNames) {
    this.identity = identity
    this.#names = names
    this.pace = new GlobalPace(perSecond)
  }

  /** True when nothing would be forgotten with it, but its lanes. */
  isIdle(nowMs: number): boolean {
    return nowMs >= this.cutOffUntilMs && this.pace.isIdle(nowMs) && !this.isPacing
  }

  get buckets(): number {
    return this.#size - this.#sharing + this.#buckets.size
  }

  /** How many lanes there are. */
  get size(): number {
    return this.#size
  }

  newLane(key: number, route: Route): TokenLane {
    const lane = new Lane<TokenLanes>(key, this, route, new Bucket())
    this.#size += 1
    const hash = this.#hashes.get(route.template)
    if (hash !== undefined) this.#share(lane, `${hash} ${route.major}`)
    return lane
  }

  /** Moves a lane to the bucket that its answer names, or out of one that the answer contradicts. */
  learn(lane: TokenLane, bucket: Bucket, headers: WindowHeaders, taken: Taken, nowMs: number): void {
    if (headers.hash === "") return
    const isOwn = bucket === lane.bucket
    const isOther = isOwn && bucket.isContradictedBy(headers, taken, nowMs)
    const isKnown = isOwn && lane.hashLimit === headers.limit && lane.hash === headers.hash
    // Nearly always: nothing that was not known.
    if (isKnown && !isOther && this.#apart === null) return
    const { template, major } = lane.route
    lane.hash = this.#names.of(headers.hash)
    lane.hashLimit = headers.limit
    if (isOther && lane.shared !== null && lane.shared.lanes > 1) {
      this.#apart ??= new Set()
      this.#apart.add(template)
    }
    // The limit belongs to it: routes of one hash with different limits are different buckets.
    const own = this.#apart?.has(template) === true ? ` ${template}` : ""
    const hash = `${headers.hash} ${headers.limit}${own}`
    if (this.#hashes.get(template) !== hash && this.#hashes.size < MAX_HASHES) this.#hashes.set(template, hash)
    if (this.#share(lane, `${hash} ${major}`)) lane.bucket.hear(headers, nowMs)
  }

  forget(lane: TokenLane): void {
    this.#unshare(lane)
    this.#size -= 1
  }

  setWaiting(lane: TokenLane, isWaiting: boolean): void {
    if (isWaiting) this.#waitingLanes.add(lane)
    else this.#waitingLanes.delete(lane)
  }

  get waitingLanes(): ReadonlySet<TokenLane> {
    return this.#waitingLanes
  }

  /** Whether somebody waits for the global limit alone. Asked for every request, so it makes no iterator. */
  get hasReady(): boolean {
    const { callback, high, normal, low } = this.ready
    return callback.size > 0 || high.size > 0 || normal.size > 0 || low.size > 0
  }

  /** The lane whose turn it is, callbacks first, then by priority, each lane in turn. */
  nextReady(): { readonly lane: TokenLane; readonly priority: Priority } | undefined {
    const { callback, high, normal, low } = this.ready
    for (const lane of callback) return { lane, priority: "callback" }
    for (const lane of high) return { lane, priority: "high" }
    for (const lane of normal) return { lane, priority: "normal" }
    for (const lane of low) return { lane, priority: "low" }
    return undefined
  }

  /** True when the lane has another bucket now. */
  #share(lane: TokenLane, key: string): boolean {
    if (lane.shared?.key === key) return false
    const isLeft = this.#unshare(lane)
    this.#sharing += 1
    const shared = this.#buckets.get(key)
    if (shared !== undefined) {
      shared.lanes += 1
      lane.shared = shared
      lane.bucket = shared.bucket
      return true
    }
    // What the lane has learned stays with it, unless others go on with that bucket.
    if (isLeft) lane.bucket = new Bucket()
    lane.shared = { key, bucket: lane.bucket, lanes: 1 }
    this.#buckets.set(key, lane.shared)
    return isLeft
  }

  /** True when other lanes stay with the bucket. */
  #unshare(lane: TokenLane): boolean {
    const { shared } = lane
    if (shared === null) return false
    lane.shared = null
    this.#sharing -= 1
    shared.lanes -= 1
    if (shared.lanes === 0) this.#buckets.delete(shared.key)
    return shared.lanes > 0
  }
}
