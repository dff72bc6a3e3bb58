// Which bucket a route has. Discord hides these and changes them at will; the figures are what bots have reported, and a
// client that relies on any of them is wrong.

import { AGED_LIMITS, DELETE_ROUTE } from "./message-age.ts"
import { SUB_LIMITED_ROUTE, SUB_LIMITS } from "./sub-limits.ts"
import type { WindowKind } from "./window.ts"

/**
 * What the X-RateLimit headers say. `none`: there are none (emoji and sticker POST). `exhausted`: Remaining is 0 although
 * requests are left, as some routes do.
 */
export type HeaderStyle = "honest" | "none" | "exhausted"

export interface Rule {
  readonly limit: number
  readonly windowMs: number
  readonly kind: WindowKind
  readonly headers: HeaderStyle
  /** Routes with the same name show the same X-RateLimit-Bucket; they are still counted apart. */
  readonly bucket: string
}

type Entry = readonly [route: string, limit: number, windowMs: number, more?: Partial<Rule>]

const ENTRIES: readonly Entry[] = [
  // Bots report 2 in 5 s; one that is restarted over and over in tests asks more often.
  ["GET /gateway/bot", 50, 5_000],
  ["GET /channels/:channel/messages", 5, 5_000],
  ["POST /channels/:channel/messages", 5, 5_000],
  ["PATCH /channels/:channel/messages/:message", 5, 5_000],
  ["DELETE /channels/:channel/messages/:message", 5, 1_000],
  ["POST /channels/:channel/messages/bulk-delete", 1, 1_000],
  ["POST /channels/:channel/typing", 5, 5_000],
  ["PUT /channels/:channel/messages/:message/reactions/:emoji/@me", 1, 250, { bucket: "reactions" }],
  ["DELETE /channels/:channel/messages/:message/reactions/:emoji/@me", 1, 250, { bucket: "reactions" }],
  ["DELETE /channels/:channel/messages/:message/reactions/:emoji/:user", 1, 250, { bucket: "reactions" }],
  ["PATCH /channels/:channel", 5, 15_000],
  ["PATCH /guilds/:guild/members/:member", 10, 10_000],
  ["PUT /guilds/:guild/members/:member/roles/:role", 10, 10_000, { kind: "sliding" }],
  ["DELETE /guilds/:guild/members/:member/roles/:role", 10, 10_000, { kind: "sliding" }],
  ["GET /guilds/:guild/members", 10, 10_000, { kind: "sliding" }],
  ["POST /guilds/:guild/roles", 250, 172_800_000],
  ["POST /guilds/:guild/emojis", 50, 3_600_000, { headers: "none" }],
  ["POST /guilds/:guild/stickers", 50, 3_600_000, { headers: "none" }],
  ["POST /webhooks/:webhook/:token", 5, 2_000],
  ["PATCH /users/@me", 2, 3_600_000],
]

/** Where nothing is reported. */
const READING: Omit<Rule, "bucket"> = { limit: 10, windowMs: 5_000, kind: "fixed", headers: "honest" }
const WRITING: Omit<Rule, "bucket"> = { limit: 5, windowMs: 5_000, kind: "fixed", headers: "honest" }

/** `METHOD /template` to rule, for the routes there are; what is hidden inside a route has its name with a part. */
export function defaultRules(routes: readonly string[]): Map<string, Rule> {
  const rules = new Map<string, Rule>()
  for (const route of routes) rules.set(route, { ...(route.startsWith("GET ") ? READING : WRITING), bucket: route })
  for (const [route, limit, windowMs, more] of ENTRIES)
    if (rules.has(route)) rules.set(route, { ...WRITING, bucket: route, limit, windowMs, ...more })
  for (const [part, limit, windowMs] of AGED_LIMITS)
    if (rules.has(DELETE_ROUTE)) rules.set(part, { ...WRITING, bucket: DELETE_ROUTE, limit, windowMs })
  for (const [part, limit, windowMs] of SUB_LIMITS)
    if (rules.has(SUB_LIMITED_ROUTE))
      rules.set(part, { ...WRITING, bucket: SUB_LIMITED_ROUTE, limit, windowMs, kind: "sliding" })
  return rules
}
