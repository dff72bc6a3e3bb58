// Which limit a request falls under: its method and route template, and the major parameter that keeps one channel's
// limit apart from another's. A path that no template fits is a route of its own, with the ids taken out.
// Source: Discord's documentation, Rate Limits.

import { snowflakeTimeMs } from "../../discord/snowflake.ts"
import { digestOf } from "./digest.ts"
import { ROUTE_TEMPLATES } from "./route-templates.ts"

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

interface Node {
  readonly literals: Map<string, Node>
  parameter: Node | null
  path: string | null
  /** The node's template by method: made once, so that a request makes no new text and its hash is known. */
  readonly templates: Map<string, string>
}

const ROOT = compiled()
/** First segments whose second one is a major parameter, in every route below them. */
const MAJORS: ReadonlySet<string> = new Set(["channels", "guilds", "webhooks", "interactions"])
const SNOWFLAKE = /^\d{15,20}$/
/** A segment of an unknown route that is longer than this is data, not a name. */
const MAX_NAME_LENGTH = 32
const MAX_UNKNOWN_SEGMENTS = 8

/** HTTP has fewer; an unusual one costs its text each time. */
const MAX_METHODS = 8

const MS_PER_DAY = 86_400_000
/** A DELETE of a message has limits of its own by the message's age. Source: Discord's API issue 1295. */
const OLD_MESSAGE_MS = 14 * MS_PER_DAY
const YOUNG_MESSAGE_MS = 10_000
const DELETE_MESSAGE = "DELETE /channels/:channel/messages/:message"

/**
 * @param path begins with a slash and carries neither `/api/vN` nor a query.
 * @param wallMs Unix ms, for the age of a message.
 */
export function routeOf(method: string, path: string, wallMs: number): Route {
  const found = find(path)
  const known = found !== null
  const template = known ? templateOf(found, method) : `${method} ${unknownTemplate(path.slice(1).split("/"))}`
  const firstEnd = endOfSegment(path, 1)
  if (!MAJORS.has(path.slice(1, firstEnd))) return { template, major: "", known, kind: "plain" }
  const secondEnd = endOfSegment(path, firstEnd + 1)
  const second = path.slice(firstEnd + 1, secondEnd)
  const hasToken = path.startsWith("/w") || path.startsWith("/i")
  if (!hasToken || secondEnd >= path.length) {
    const age = template === DELETE_MESSAGE ? ageClass(path.slice(path.lastIndexOf("/") + 1), wallMs) : ""
    return { template: template + age, major: second, known, kind: "plain" }
  }
  const third = path.slice(secondEnd + 1, endOfSegment(path, secondEnd + 1))
  const kind = path.startsWith("/i") ? "callback" : isInteractionToken(third) ? "interaction" : "webhook"
  return { template, major: `${second}:${digestOf(third)}`, known, kind }
}

function endOfSegment(path: string, start: number): number {
  const end = path.indexOf("/", start)
  return end === -1 ? path.length : end
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

function find(path: string): Node | null {
  let node: Node | null = ROOT
  for (let start = 1; start <= path.length && node !== null; ) {
    const end = endOfSegment(path, start)
    // Nearly every segment that begins with a digit is an id: no name of Discord's does.
    const id: Node | null = isDigit(path.charCodeAt(start)) ? node.parameter : null
    node = id ?? node.literals.get(path.slice(start, end)) ?? node.parameter
    start = end + 1
  }
  return node === null || node.path === null ? null : node
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function templateOf(node: Node, method: string): string {
  let template = node.templates.get(method)
  if (template === undefined) {
    template = `${method} ${node.path}`
    if (node.templates.size < MAX_METHODS) node.templates.set(method, template)
  }
  return template
}

function unknownTemplate(segments: readonly string[]): string {
  const names = segments.slice(0, MAX_UNKNOWN_SEGMENTS).map((segment, index) => {
    const isMajor = index === 1 && MAJORS.has(segments[0] ?? "")
    const isToken = index === 2 && (segments[0] === "webhooks" || segments[0] === "interactions")
    return isMajor || isToken || SNOWFLAKE.test(segment) || segment.length > MAX_NAME_LENGTH ? ":id" : segment
  })
  return `/${names.join("/")}`
}

function compiled(): Node {
  const root = newNode()
  for (const path of ROUTE_TEMPLATES) {
    let node = root
    for (const segment of path.slice(1).split("/")) node = child(node, segment)
    node.path = path
  }
  return root
}

function child(node: Node, segment: string): Node {
  if (segment.startsWith(":")) {
    node.parameter ??= newNode()
    return node.parameter
  }
  let next = node.literals.get(segment)
  if (next === undefined) {
    next = newNode()
    node.literals.set(segment, next)
  }
  return next
}

function newNode(): Node {
  return { literals: new Map(), parameter: null, path: null, templates: new Map() }
}
