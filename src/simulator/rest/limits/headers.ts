// The X-RateLimit headers, and what a 429 looks like.
// Source: Discord's documentation, Rate Limits › Header Format, Exceeding A Rate Limit.

import type { Bucket } from "./buckets.ts"
import type { HeaderStyle } from "./rules.ts"

export type Scope = "user" | "global" | "shared"

const MESSAGES: Readonly<Record<Scope, string>> = {
  user: "You are being rate limited.",
  global: "You are being rate limited.",
  shared: "The resource is being rate limited.",
}

export interface Times {
  readonly nowMs: number
  readonly wallMs: number
}

/** The bucket's state; empty where the route shows none. */
export function bucketHeaders(
  { plan, window }: Bucket,
  hash: string,
  style: HeaderStyle,
  { nowMs, wallMs }: Times,
): string {
  if (style === "none") return ""
  const resetAfterMs = Math.ceil(window.resetAfterMs(nowMs))
  const remaining = style === "exhausted" ? 0 : window.remaining(nowMs)
  return `X-RateLimit-Limit: ${plan.limit}\r
X-RateLimit-Remaining: ${remaining}\r
X-RateLimit-Reset: ${seconds(Math.ceil(wallMs) + resetAfterMs)}\r
X-RateLimit-Reset-After: ${seconds(resetAfterMs)}\r
X-RateLimit-Bucket: ${hash}\r
`
}

/** What a 429 has beside the bucket's headers. */
export function refusalHeaders(scope: Scope, waitMs: number): string {
  return `Retry-After: ${Math.ceil(waitMs / 1000)}\r
X-RateLimit-Scope: ${scope}\r
${scope === "global" ? "X-RateLimit-Global: true\r\n" : ""}`
}

/** @param code of Discord's JSON error codes, where the limit has one */
export function refusalBody(scope: Scope, waitMs: number, code: number | undefined): string {
  const retryAfter = Math.ceil(waitMs) / 1000
  return JSON.stringify({ message: MESSAGES[scope], retry_after: retryAfter, global: scope === "global", code })
}

/** Milliseconds as seconds with three decimals. */
function seconds(ms: number): string {
  const fraction = ms % 1000
  return `${(ms - fraction) / 1000}.${fraction < 10 ? "00" : fraction < 100 ? "0" : ""}${fraction}`
}
