// What the proxy answers by itself, in Discord's shape, with a header that says so.
// Source: Discord's documentation, API Reference › Error Messages; Rate Limits › Exceeding A Rate Limit.

import type { Refusal, RefusalReason } from "./limits/limiter.ts"

/** Names the proxy, and the reason. */
export const PROXY_HEADER = "x-spectacles-proxy"

export type FailureReason = RefusalReason | "bad request" | "unreachable" | "timeout"

export interface Failure {
  readonly type: "failure"
  readonly status: number
  readonly reason: FailureReason
  /** One sentence. */
  readonly message: string
  readonly retryAfterMs: number | null
}

const REFUSALS: Readonly<Record<RefusalReason, readonly [status: number, message: string]>> = {
  deadline: [429, "The request cannot go before its deadline: its limit is used up."],
  "bucket queue full": [429, "Too many requests wait for the same limit already."],
  "queue full": [503, "Too many requests wait in the proxy already."],
  "too many routes": [
    503,
    "The proxy keeps track of as many tokens, routes and channels as it can; idle ones go first.",
  ],
  "client left": [499, "The client left while its request waited."],
  "token refused": [401, "401: Unauthorized. Discord has refused this token; it is tried again later."],
  "webhook gone": [404, "Unknown Webhook. Discord has said so; it is asked again later."],
  "invalid budget": [429, "This route keeps failing, and Discord blocks addresses with too many failed requests."],
  stopping: [503, "The proxy is shutting down."],
}

export function refused({ reason, retryAfterMs }: Refusal): Failure {
  const [status, message] = REFUSALS[reason]
  return { type: "failure", status, reason, message, retryAfterMs }
}

export function badRequest(message: string, status = 400): Failure {
  return { type: "failure", status, reason: "bad request", message, retryAfterMs: null }
}

export function unreachable(message: string): Failure {
  return { type: "failure", status: 502, reason: "unreachable", message, retryAfterMs: null }
}

export function timedOut(message: string): Failure {
  return { type: "failure", status: 504, reason: "timeout", message, retryAfterMs: null }
}

const MS_PER_SECOND = 1_000

export function failureResponse({ status, reason, message, retryAfterMs }: Failure): Response {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    // discord.py takes a 429 without it for a ban of Cloudflare's.
    via: "1.1 spectacles-proxy",
    [PROXY_HEADER]: reason,
  }
  const wait = retryAfterMs === null ? null : Math.max(0, retryAfterMs) / MS_PER_SECOND
  // The header has whole seconds: never too early.
  if (wait !== null) headers["retry-after"] = String(Math.ceil(wait))
  const isTooMany = status === 429
  const body = {
    message,
    ...(wait !== null && { retry_after: Number(wait.toFixed(3)) }),
    ...(isTooMany && { global: false }),
    code: 0,
  }
  return new Response(JSON.stringify(body), { status, headers })
}
