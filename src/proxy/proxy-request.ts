// One request on its way through the proxy, from whichever door. A class, so that the limiter's questions cost no closures:
// there is one for each request.

import { type Clock, systemClock } from "../flow/clock.ts"
import { digestOf } from "./limits/digest.ts"
import { laneKeyOf } from "./limits/lane-key.ts"
import type { LimitRequest, Priority } from "./limits/limiter.ts"
import { type Route, routeOf } from "./limits/routes.ts"
import type { Target } from "./target.ts"

/** Bytes can be sent again; a stream only once. */
export type RequestBody = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null

export interface ProxyRequestParts {
  readonly method: string
  readonly target: Target
  /** Without hop-by-hop headers, Host and what is ours. */
  readonly headers: Headers
  readonly body: RequestBody
  readonly priority: Priority
  /** On the monotonic clock; Infinity without one. */
  readonly deadlineMs: number
  readonly door: RequestDoor
}

/** What a request asks of the door that it came through. */
export interface RequestDoor {
  /** Aborts when nobody waits for the answer any more. */
  signal(): AbortSignal
}

/** Requests a second of a token, by what its Authorization says. */
export type GlobalLimits = (authorization: string) => number

/** Of the requests that carry no token, which share a limit. */
const NOBODY = ""

export class ProxyRequest implements LimitRequest {
  readonly method: string
  readonly target: Target
  readonly headers: Headers
  readonly body: RequestBody
  readonly route: Route
  readonly laneKey: number
  readonly priority: Priority
  readonly deadlineMs: number
  /** Set when it is sent again. */
  isRepeat = false
  readonly #door: RequestDoor
  readonly #globalLimits: GlobalLimits

  constructor(parts: ProxyRequestParts, globalLimits: GlobalLimits, clock: Clock = systemClock) {
    this.method = parts.method
    this.target = parts.target
    this.headers = parts.headers
    this.body = parts.body
    this.priority = parts.priority
    this.deadlineMs = parts.deadlineMs
    this.#door = parts.door
    this.#globalLimits = globalLimits
    this.route = routeOf(parts.method, parts.target.path, clock)
    this.laneKey = laneKeyOf(this.#authorization, this.route.template, this.route.major)
  }

  /** A digest each time it is asked for. */
  get identity(): string {
    const authorization = this.#authorization
    return authorization === NOBODY ? NOBODY : digestOf(authorization)
  }

  get #authorization(): string {
    return this.headers.get("authorization") ?? NOBODY
  }

  signal(): AbortSignal {
    return this.#door.signal()
  }

  perSecond(): number {
    return this.#globalLimits(this.#authorization)
  }

  /** Whether sending it twice is the same as sending it once. */
  get isIdempotent(): boolean {
    return this.method !== "POST" && this.method !== "PATCH"
  }

  get canRepeat(): boolean {
    return this.body === null || this.body instanceof Uint8Array
  }
}

/**
 * Limits by bot id: a bot's token begins with its id in base64.
 * @param bots for single bots, by id.
 */
export function globalLimits(perSecond: number, bots: ReadonlyMap<string, number>): GlobalLimits {
  if (bots.size === 0) return () => perSecond
  return (authorization) => {
    const [, first = ""] = /^Bot\s+([\w-]+)\./.exec(authorization) ?? []
    return bots.get(Buffer.from(first, "base64url").toString("latin1")) ?? perSecond
  }
}
