// Which limit a request falls under: its method and route template, and the major parameter that keeps one channel's
// limit apart from another's. A path that no template fits is a route of its own, with the ids taken out.
// Source: Discord's documentation, Rate Limits.

import { snowflakeTimeMs } from "../../discord/snowflake.ts"
import type { Clock } from "../../flow/clock.ts"
import { digestOf } from "./digest.ts"
import { endOfSegment, templateOf } from "./route-tree.ts"

export interface Route {
  /** `GET /channels/:channel/messages`: bounded in number, so it may be a metric's label where `known`. */
  readonly template: string
  /** What keeps this limit apart from others of the same template: an id, or an id and the digest of a token. */
  readonly major: string
  readonly known: boolean
  /**
   * `interaction`: outside the token's global limit. `webhook`: carries a token of its own, so that a 401 says nothing
   * about the bot's.
   */
  readonly kind: "plain" | "webhook" | "interaction" | "callback"
}

/** What goes before a major parameter, in every route that begins with it. */
const BEFORE_MAJOR = ["/channels/", "/guilds/", "/webhooks/", "/interactions/"] as const
const SNOWFLAKE = /^\d{15,20}$/
/** A segment of an unknown route that is longer than this is data, not a name. */
const MAX_NAME_LENGTH = 32
const MAX_UNKNOWN_SEGMENTS = 8

const MS_PER_DAY = 86_400_000
/** A DELETE of a message has limits of its own by the message's age. Source: Discord's API issue 1295. */
const OLD_MESSAGE_MS = 14 * MS_PER_DAY
const YOUNG_MESSAGE_MS = 10_000
const DELETE_MESSAGE = "DELETE /channels/:channel/messages/:message"

/**
 * @param path begins with a slash and carries neither `/api/vN` nor a query.
 * @param clock for the age of a message.
 */
export function routeOf(method: string, path: string, clock: Pick<Clock, "wallMs">): Route {
  const found = templateOf(method, path)
  const known = found !== null
  const template = found ?? `${method} ${unknownTemplate(path.slice(1).split("/"))}`
  const before = BEFORE_MAJOR.find((one) => path.startsWith(one))
  if (before === undefined) return { template, major: "", known, kind: "plain" }
  const end = endOfSegment(path, before.length)
  const major = path.slice(before.length, end)
  const hasToken = before === "/webhooks/" || before === "/interactions/"
  if (!hasToken || end === path.length) {
    const age = template === DELETE_MESSAGE ? ageClass(path.slice(path.lastIndexOf("/") + 1), clock.wallMs()) : ""
    return { template: template + age, major, known, kind: "plain" }
  }
  const token = path.slice(end + 1, endOfSegment(path, end + 1))
  const kind = before === "/interactions/" ? "callback" : isInteractionToken(token) ? "interaction" : "webhook"
  return { template, major: `${major}:${digestOf(token)}`, known, kind }
}

/** Interaction tokens are base64 of `interaction:…`; a webhook's own token is not. */
function isInteractionToken(token: string): boolean {
  return token.startsWith("aW50ZXJhY3Rpb246")
}

function ageClass(messageId: string, wallMs: number): string {
  if (!SNOWFLAKE.test(messageId)) return ""
  const ageMs = wallMs - snowflakeTimeMs(messageId)
  if (ageMs > OLD_MESSAGE_MS) return " (old)"
  return ageMs < YOUNG_MESSAGE_MS ? " (young)" : ""
}

function unknownTemplate(segments: readonly string[]): string {
  const names = segments.slice(0, MAX_UNKNOWN_SEGMENTS).map((segment, index) => {
    const isMajor = index === 1 && BEFORE_MAJOR.some((one) => one === `/${segments[0]}/`)
    const isToken = index === 2 && (segments[0] === "webhooks" || segments[0] === "interactions")
    return isMajor || isToken || SNOWFLAKE.test(segment) || segment.length > MAX_NAME_LENGTH ? ":id" : segment
  })
  return `/${names.join("/")}`
}
