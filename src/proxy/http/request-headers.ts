// What a request's headers say to the proxy, and what of them goes on to Discord.
// Source: RFC 9110 section 7.6.1, Connection.

import { parseDuration } from "../../config/duration.ts"
import { PRIORITIES, type Priority } from "../limits/limiter.ts"

const PRIORITY = "x-spectacles-priority"
const TIMEOUT = "x-spectacles-timeout"
const USER_AGENT = "DiscordBot (https://github.com/spec-tacles, 0.1.0)"
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  // Discord's, not ours.
  "host",
] as const

export interface RequestOptions {
  readonly priority: Priority
  /** Undefined where the request does not say. */
  readonly timeoutMs: number | undefined
}

/**
 * Reads the options and takes out what must not go on, in place.
 * @returns a sentence when a header of ours cannot be read.
 */
export function takeRequestHeaders(headers: Headers, token: string | null): RequestOptions | string {
  const priority = headers.get(PRIORITY)
  const timeout = headers.get(TIMEOUT)
  if (priority !== null) headers.delete(PRIORITY)
  if (timeout !== null) headers.delete(TIMEOUT)
  dropNamed(headers, headers.get("connection"))
  for (const name of HOP_BY_HOP) headers.delete(name)
  if (!headers.has("user-agent")) headers.set("user-agent", USER_AGENT)
  if (token !== null && !headers.has("authorization")) headers.set("authorization", `Bot ${token}`)
  const known = priority === null ? "normal" : priorityOf(priority)
  if (known === undefined) return `Cannot read ${PRIORITY}: write high, normal or low.`
  const timeoutMs = timeout === null ? undefined : timeoutOf(timeout)
  if (timeoutMs === null) return `Cannot read ${TIMEOUT}: write a duration such as 500ms or 10s, or milliseconds.`
  return { priority: known, timeoutMs }
}

/**
 * In place. Whatever else is for one hop, such as Upgrade, is named by Connection, so most answers need no more than a look.
 * Source: RFC 9110, section 7.6.1.
 */
export function dropResponseHeaders(headers: Headers): void {
  headers.delete("transfer-encoding")
  const connection = headers.get("connection")
  if (connection === null) return
  dropNamed(headers, connection)
  headers.delete("connection")
  headers.delete("keep-alive")
}

/** Headers that `Connection` names are for one hop too. */
function dropNamed(headers: Headers, connection: string | null): void {
  // What nearly all say; it names no other header.
  if (connection === null || connection === "keep-alive" || connection === "close") return
  for (const name of connection.split(",")) {
    const trimmed = name.trim()
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(trimmed)) headers.delete(trimmed)
  }
}

function priorityOf(text: string): Priority | undefined {
  // Callbacks are known by their route; nobody may ask to be one.
  return PRIORITIES.find((one) => one !== "callback" && one === text.trim().toLowerCase())
}

function timeoutOf(text: string): number | null {
  const timeoutMs = /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : parseDuration(text)
  return timeoutMs !== undefined && timeoutMs > 0 ? timeoutMs : null
}
