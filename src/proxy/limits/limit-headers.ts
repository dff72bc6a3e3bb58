// What an answer of Discord's says of limits.
// Source: Discord's documentation, Rate Limits › Header Format, Exceeding A Rate Limit.

export interface WindowHeaders {
  readonly limit: number
  readonly remaining: number
  readonly resetAfterMs: number
  /** The bucket's hash; it leaves the major parameter out. */
  readonly hash: string
}

/** What needs of a response. */
export interface HeaderSource {
  get(name: string): string | null
}

const MS_PER_SECOND = 1_000
/** No window of Discord's is known to be longer; a header that says so is not believed. */
const MAX_RESET_AFTER_MS = 15 * 60_000

/** Null where the answer has no limit headers, or senseless ones. */
export function windowHeaders(headers: HeaderSource): WindowHeaders | null {
  const hash = headers.get("x-ratelimit-bucket")
  const remainingText = headers.get("x-ratelimit-remaining")
  if (remainingText === null) return null
  const remaining = Number(remainingText)
  const limit = Number(headers.get("x-ratelimit-limit"))
  const resetAfterMs = Number(headers.get("x-ratelimit-reset-after")) * MS_PER_SECOND
  // A comparison with NaN is false.
  if (!(remaining >= 0 && limit >= 1 && resetAfterMs >= 0)) return null
  return { limit, remaining, resetAfterMs: Math.min(resetAfterMs, MAX_RESET_AFTER_MS), hash: hash ?? "" }
}

/** Of a 429. `ban`: Cloudflare refuses this IP address; nothing may be sent at all. */
export const LIMIT_SCOPES = ["user", "shared", "global", "ban"] as const
export type LimitScope = (typeof LIMIT_SCOPES)[number]

/** Why Discord said 429, and how long it asks to wait. */
export interface TooMany {
  readonly scope: LimitScope
  readonly retryAfterMs: number
}

/** Waited where a ban does not say how long it lasts. */
const BAN_MS = 60_000
/** Waited where a 429 says nothing sensible. */
const UNSAID_RETRY_MS = 1_000
const MAX_RETRY_AFTER_MS = 24 * 3_600_000

/** @param body the answer's, as text. */
export function tooMany(headers: HeaderSource, body: string): TooMany {
  const json = objectOf(body)
  const header = seconds(headers.get("retry-after"))
  const inBody = seconds(json?.["retry_after"])
  // The body has decimals, the header is rounded, up or down: the longer one is safe.
  const said = header === null ? inBody : Math.max(header, inBody ?? 0)
  const scope = headers.get("x-ratelimit-scope")
  // Its limiter's headers tell Discord's answer for certain, even one without a body, as to a HEAD.
  const isDiscords = scope !== null || headers.get("x-ratelimit-bucket") !== null
  const isBan = !isDiscords && (json === null || said === null || !hasDiscordVia(headers))
  if (isBan) return { scope: "ban", retryAfterMs: said ?? BAN_MS }
  const retryAfterMs = said !== null && said > 0 ? said : UNSAID_RETRY_MS
  if (scope === "global" || json?.["global"] === true || headers.get("x-ratelimit-global") === "true") {
    return { scope: "global", retryAfterMs }
  }
  return { scope: scope === "shared" ? "shared" : "user", retryAfterMs }
}

/** Discord's own answers come through Google; those of Cloudflare, before it, do not. */
function hasDiscordVia(headers: HeaderSource): boolean {
  return headers.get("via")?.includes("google") === true
}

function seconds(value: unknown): number | null {
  const number = typeof value === "string" && value !== "" ? Number(value) : value
  if (typeof number !== "number" || !(number >= 0)) return null
  return Math.min(number * MS_PER_SECOND, MAX_RETRY_AFTER_MS)
}

function objectOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    return null
  }
}
