// What every door is given: what it adds to requests that do not say so themselves, and where it passes them on.

import type { Clock } from "../flow/clock.ts"
import type { Logger } from "../ops/log.ts"
import type { Failure } from "./failure.ts"
import type { Route } from "./limits/routes.ts"
import type { GlobalLimits, ProxyRequest } from "./proxy-request.ts"

/** Passes a request on. Never rejects. */
export type Send = (request: ProxyRequest) => Promise<Response | Failure>

export interface DoorOptions {
  /** For paths that name none. */
  readonly apiVersion: number
  /** For requests that carry no Authorization. */
  readonly token: (() => string) | null
  /** For requests that do not say so themselves; Infinity for none. */
  readonly timeoutMs: number
  readonly globalLimits: GlobalLimits
  readonly clock: Clock
  readonly log: Logger
  readonly send: Send
  /** Told of every answer; null: what was asked is no request that has a route. */
  readonly answered: (route: Route | null, status: number) => void
}
