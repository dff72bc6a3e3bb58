// What a 429 says about a permit: which of the limits is used up, and for how long.

import { HIDDEN_LIMIT_MS } from "../holds.ts"
import type { TooMany, WindowHeaders } from "../limit-headers.ts"
import type { Grant } from "./permit.ts"
import type { OwnSettlement } from "./token.ts"

/** Holds the lane or its token back here at once; the settlement does so everywhere. */
export function limited(
  grant: Grant,
  { scope, retryAfterMs }: TooMany,
  window: WindowHeaders | null,
  nowMs: number,
): OwnSettlement {
  const { lane } = grant
  const settlement = { ...grant, answeredMs: nowMs }
  const isHidden = window !== null && (window.remaining > 0 || retryAfterMs > window.resetAfterMs + HIDDEN_LIMIT_MS)
  if (scope === "shared" || (scope === "user" && isHidden)) {
    // The bucket's own headers still hold: the limit is one of this route's alone.
    lane.isCautious = true
    lane.blockedUntilMs = nowMs + retryAfterMs
    return { ...settlement, outcome: { type: "answered", window }, hiddenRetryMs: retryAfterMs }
  }
  if (scope === "user") {
    if (window === null) lane.isCautious = true
    return { ...settlement, outcome: { type: "limited", retryAfterMs }, ...(window === null && { hiddenRetryMs: 0 }) }
  }
  if (scope === "ban") return { ...settlement, outcome: { type: "unsent" } }
  lane.token.blockedUntilMs = Math.max(lane.token.blockedUntilMs, nowMs + retryAfterMs)
  return { ...settlement, outcome: { type: "unsent" }, globalRetryMs: retryAfterMs }
}
