// The port to the limiter: who may send now, who waits, who is refused. Adapters: memory/, redis/. One contract
// suite runs over both.

import type { HeaderSource, LimitScope } from "./limit-headers.ts"
import type { Route } from "./routes.ts"

/** Interaction callbacks go before everything, whatever they ask for: their first answer is due within 3 s. */
export const PRIORITIES = ["callback", "high", "normal", "low"] as const
export type Priority = (typeof PRIORITIES)[number]

export interface LimitRequest {
  /** The digest of the token, empty without one. Tokens never share state. Asked for only when the token is new. */
  readonly identity: string
  /** `laneKeyOf` the token and the route. */
  readonly laneKey: number
  /** The token's global limit; asked for when the token is new. */
  perSecond(): number
  readonly route: Route
  readonly priority: Priority
  /** It went already, and Discord answered 429: it goes before those of its priority that have not gone yet. */
  readonly isRepeat?: boolean
  /** On the limiter's clock; Infinity without one. */
  readonly deadlineMs: number
  /** Aborts when the client has left. Asked for only when the request must wait, since it has a price. */
  signal(): AbortSignal
}

/** The right to send one request. `settle` or `unsent` must follow, once, whatever happens. */
export interface Permit {
  readonly type: "granted"
  /** How long it waited. */
  readonly queuedMs: number
  /** When it was given, on the limiter's clock. */
  readonly takenMs: number
  /**
   * Discord answered. `tooMany` where it said 429.
   * @param nowMs where the caller has just asked the clock: that has its price.
   * @returns how to go on.
   */
  settle(answer: Answer, nowMs?: number): Verdict
  /** Nothing reached Discord. */
  unsent(): void
  /** It may have reached Discord; there is no answer. */
  unanswered(): void
}

export interface Answer {
  readonly status: number
  readonly headers: HeaderSource
  /** The body as text where `needsBody` says so, else empty. */
  readonly body: string
}

/** `retry`: the limiter knows when it may go again, so ask it anew with the same request. */
export type Verdict = "final" | "retry"

/** Whether `settle` wants the answer's body: a 429 says things there that no header says, as does an unknown webhook. */
export function needsBody(status: number, { kind }: Route): boolean {
  return status === 429 || (status === 404 && kind === "webhook")
}

export type RefusalReason =
  | "deadline"
  | "bucket queue full"
  | "queue full"
  | "too many routes"
  | "client left"
  | "token refused"
  | "webhook gone"
  | "invalid budget"
  | "stopping"

export interface Refusal {
  readonly type: "refused"
  readonly reason: RefusalReason
  /** When it is worth trying again; null where never. */
  readonly retryAfterMs: number | null
}

export interface LimiterReading {
  readonly buckets: number
  readonly queued: Readonly<Record<Priority, number>>
  readonly invalidLeft: number
  /** How long nothing may be sent at all; 0 when it may. */
  readonly bannedForMs: number
  readonly cutOffTokens: number
  /** 429s of Discord so far. */
  readonly limited: Readonly<Record<LimitScope, number>>
  /** Absent where the limits are this process' alone. */
  readonly sharing?: Sharing
}

/** The instances that limits are shared with, this one included. `alone`: they cannot be reached, since so long. */
export type Sharing =
  | { readonly type: "shared"; readonly instances: number }
  | { readonly type: "alone"; readonly instances: number; readonly sinceMs: number }

export interface Limiter {
  /** At once where that can be, so that an uncontended request costs no promise. */
  acquire(request: LimitRequest): Permit | Refusal | Promise<Permit | Refusal>
  readonly reading: LimiterReading
  /** Why requests wait: a JSON value for an operator. */
  describe(): unknown
  /** Refuses what waits and what comes. */
  close(): void
}

export interface LimiterBounds {
  /** Requests that may wait for one lane, and in all. */
  readonly perBucket: number
  readonly total: number
  /** Lanes without a request for this long are forgotten, once nothing is known of them that still holds. */
  readonly idleMs: number
}
