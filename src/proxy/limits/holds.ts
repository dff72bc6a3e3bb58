// How long what Discord has refused is left alone, and how long a request may wait: the same for every limiter.

import type { Priority, Refusal, RefusalReason } from "./limiter.ts"
import type { Route } from "./routes.ts"

/** Discord's 10003 and the like are about something else; this one means that the webhook itself is gone. */
export const UNKNOWN_WEBHOOK = /"code":\s*10015\b/
/** A refused token is tried again after this, in case it was a mistake of Discord's. */
export const CUT_OFF_MS = 60_000
export const GONE_MS = 600_000
/** Longest window that is known; whoever would wait longer is told so at once. */
export const MAX_WAIT_MS = 900_000
/** Lanes at most, of all tokens: about 270 MB. Only idle ones are forgotten, since a limit that was forgotten is broken. */
export const MAX_LANES = 200_000
/** When it is worth trying again where there are as many: some are swept by then. */
export const LANES_RETRY_MS = 1_000
/** A 429 that asks to wait this much longer than the bucket's own reset is about a limit that no header shows. */
export const HIDDEN_LIMIT_MS = 2_000

/** Interaction endpoints are outside the token's global limit. */
export function isOutsideGlobal({ kind }: Route): boolean {
  return kind === "interaction" || kind === "callback"
}

export function notCallback(priority: Priority): Priority {
  return priority === "callback" ? "high" : priority
}

export function refusal(reason: RefusalReason, retryAfterMs: number | null): Refusal {
  return { type: "refused", reason, retryAfterMs }
}
