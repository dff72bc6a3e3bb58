// All limits of the REST API, in Discord's order: the address's ban, the token's global limit, what is shared, the bucket,
// and what is hidden inside the bucket.
// Source: Discord's documentation, Rate Limits.

import { createHash } from "node:crypto"
import type { Clock } from "../../../flow/clock.ts"
import { allowance, type Bucket, Buckets } from "./buckets.ts"
import { bucketHeaders, refusalBody, refusalHeaders, type Scope } from "./headers.ts"
import { InvalidRequests } from "./invalid-requests.ts"
import { ageClass, DELETE_ROUTE } from "./message-age.ts"
import { defaultRules, type Rule } from "./rules.ts"
import { DEFAULT_GLOBAL, DEFAULT_INVALID_REQUESTS, type InvalidRequestLimit, type LimitChange } from "./settings.ts"
import { SharedLimits } from "./shared.ts"
import { SUB_LIMIT_CODE, SUB_LIMITED_ROUTE, subLimitsOf } from "./sub-limits.ts"
import type { Window, WindowPlan } from "./window.ts"

export interface LimitedRequest {
  /** `METHOD /template`. */
  readonly route: string
  /** The channel, guild, webhook (with its token) or interaction; empty where there is none. */
  readonly major: string
  /** The token's digest, or the address of who has none. */
  readonly owner: string
  /** Interaction callbacks and follow-ups are outside the global limit. */
  readonly interaction: boolean
  /** The message that a DELETE names. */
  readonly messageId: () => string | undefined
  /** The body's JSON. */
  readonly body: () => unknown
}

export type Verdict =
  | { readonly type: "pass"; readonly headers: string }
  | { readonly type: "refuse"; readonly scope: Scope; readonly headers: string; readonly body: string }

export interface LimitState {
  readonly enforced: boolean
  readonly global: WindowPlan
  readonly invalidRequests: InvalidRequestLimit
  readonly rules: Readonly<Record<string, Rule>>
}

const UNLIMITED: Verdict = { type: "pass", headers: "" }
const HASH_CHARACTERS = 32

export class RestLimits {
  readonly invalid = new InvalidRequests()
  readonly shared = new SharedLimits()
  readonly #clock: Clock
  readonly #buckets = new Buckets()
  readonly #globals = new Buckets()
  readonly #hidden = new Buckets()
  readonly #hashes = new Map<string, string>()
  readonly #rules: Map<string, Rule>
  #enforced = true
  #global: WindowPlan = DEFAULT_GLOBAL
  #invalidRequests = DEFAULT_INVALID_REQUESTS
  #countedFromMs: number

  constructor(routes: readonly string[], clock: Clock) {
    this.#clock = clock
    this.#rules = defaultRules(routes)
    this.#countedFromMs = clock.nowMs()
  }

  /** @throws RangeError when there is no such route. */
  change({ enforced, global, rules, invalidRequests }: LimitChange): void {
    for (const route of Object.keys(rules ?? {}))
      if (route !== "*" && !this.#rules.has(route))
        throw new RangeError(`Cannot limit "${route}": there is no such route; "GET /channels/:channel" is one.`)
    this.#enforced = enforced ?? this.#enforced
    this.#global = { ...this.#global, ...defined(global ?? {}) }
    this.#invalidRequests = { ...this.#invalidRequests, ...defined(invalidRequests ?? {}) }
    for (const [name, change] of Object.entries(rules ?? {}))
      for (const route of name === "*" ? [...this.#rules.keys()] : [name]) {
        const rule = this.#rules.get(route)
        if (rule !== undefined) this.#rules.set(route, { ...rule, ...defined(change) })
      }
    this.#globals.clear()
  }

  state(): LimitState {
    return {
      enforced: this.#enforced,
      global: this.#global,
      invalidRequests: this.#invalidRequests,
      rules: Object.fromEntries(this.#rules),
    }
  }

  /** Every counter stands at nothing again, and no address is blocked. */
  reset(): void {
    this.#buckets.clear()
    this.#globals.clear()
    this.#hidden.clear()
    this.invalid.clear()
    this.shared.clear()
    this.#countedFromMs = this.#clock.nowMs()
  }

  /** From now on `allowed` counts anew. */
  recount(): void {
    this.#countedFromMs = this.#clock.nowMs()
  }

  /** Milliseconds for which the address is banned. */
  blockedMs(ip: string): number {
    return this.#enforced ? this.invalid.blockedMs(ip, this.#clock.nowMs()) : 0
  }

  countInvalid(ip: string): void {
    if (this.#enforced) this.invalid.count(ip, this.#clock.nowMs(), this.#invalidRequests)
  }

  take(request: LimitedRequest): Verdict {
    if (!this.#enforced) return UNLIMITED
    const nowMs = this.#clock.nowMs()
    const { owner, route, major } = request
    if (!request.interaction) {
      const { window } = this.#globals.get(owner, owner, this.#global, nowMs)
      if (!window.take(nowMs)) return refuse("global", window.resetAfterMs(nowMs), "")
    }
    const [rule, part] = this.#ruleOf(request)
    if (rule === undefined) return UNLIMITED
    const bucket = this.#buckets.get(`${route}${part} ${major} ${owner}`, owner, rule, nowMs)
    const headers = () => bucketHeaders(bucket, this.#hash(rule), rule.headers, { nowMs, wallMs: this.#clock.wallMs() })
    const sharedMs = this.shared.waitMs(route, major, nowMs)
    if (sharedMs > 0) return refuse("shared", sharedMs, headers())
    if (bucket.window.remaining(nowMs) <= 0) return refuse("user", bucket.window.resetAfterMs(nowMs), headers())
    const hiddenMs = this.#takeHidden(request, nowMs)
    if (hiddenMs > 0) return refuse("shared", hiddenMs, headers(), SUB_LIMIT_CODE)
    bucket.window.take(nowMs)
    return { type: "pass", headers: headers() }
  }

  /**
   * The most requests that the limits would have let through by now on the buckets that were used, had they been there
   * every time: for each token no more than its global limit gives. Requests outside the global limit are left out of it.
   */
  allowed(): number {
    const nowMs = this.#clock.nowMs()
    const byOwner = new Map<string, number>()
    for (const bucket of this.#buckets.all())
      byOwner.set(bucket.owner, (byOwner.get(bucket.owner) ?? 0) + this.#allowance(bucket, nowMs))
    const globals = new Map([...this.#globals.all()].map((bucket) => [bucket.owner, this.#allowance(bucket, nowMs)]))
    let sum = 0
    for (const [owner, own] of byOwner) sum += Math.min(own, globals.get(owner) ?? Number.POSITIVE_INFINITY)
    return sum
  }

  buckets(): number {
    return this.#buckets.size()
  }

  #allowance(bucket: Bucket, nowMs: number): number {
    return allowance(bucket, this.#countedFromMs, nowMs)
  }

  /** The rule, and what tells its counters apart from others of the route. */
  #ruleOf({ route, messageId }: LimitedRequest): readonly [Rule | undefined, string] {
    const rule = this.#rules.get(route)
    const id = route === DELETE_ROUTE ? messageId() : undefined
    const part = id === undefined ? undefined : ageClass(id, this.#clock.wallMs())
    const aged = part && this.#rules.get(`${route} (${part})`)
    return aged === undefined ? [rule, ""] : [aged, ` ${part}`]
  }

  /** Milliseconds to wait for a limit inside the limit; 0: counted. */
  #takeHidden({ route, major, body }: LimitedRequest, nowMs: number): number {
    if (route !== SUB_LIMITED_ROUTE) return 0
    const windows: Window[] = []
    for (const part of subLimitsOf(body())) {
      const rule = this.#rules.get(`${route} (${part})`)
      if (rule !== undefined) windows.push(this.#hidden.get(`${part} ${major}`, "", rule, nowMs).window)
    }
    const waitMs = Math.max(0, ...windows.map((w) => (w.remaining(nowMs) > 0 ? 0 : w.resetAfterMs(nowMs))))
    if (waitMs === 0) for (const window of windows) window.take(nowMs)
    return waitMs
  }

  /** Says which bucket, not whose: the major parameter is no part of it. */
  #hash({ bucket }: Rule): string {
    const known = this.#hashes.get(bucket)
    if (known !== undefined) return known
    const hash = createHash("sha256").update(bucket).digest("hex").slice(0, HASH_CHARACTERS)
    this.#hashes.set(bucket, hash)
    return hash
  }
}

function refuse(scope: Scope, waitMs: number, headers: string, code?: number): Verdict {
  const body = refusalBody(scope, waitMs, code)
  return { type: "refuse", scope, headers: headers + refusalHeaders(scope, waitMs), body }
}

/** Without the keys that are undefined. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
