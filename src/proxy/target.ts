// Where a request wants to go. What comes in is a path of Discord's API or it is refused: whatever is done to it on the way,
// no path can leave the API or mean something else to Discord than it does to the limiter.

export interface Target {
  /** Without `/api/vN`, beginning with a slash: what the limits are about. */
  readonly path: string
  /** What follows the host: `/api/v10/channels/1?limit=5`. */
  readonly upstream: string
}

/** Why a path is refused: a sentence. */
export interface BadTarget {
  readonly problem: string
}

export const MAX_PATH_LENGTH = 4_096
const MAX_QUERY_LENGTH = 8_192
/** What has no place in a path: control and other characters that must be escaped, and escapes of slashes and of controls. */
const FORBIDDEN_IN_PATH =
  /[^\x21\x24-\x3b\x3d\x40-\x5b\x5d\x5f\x61-\x7a\x7c\x7e%]|%(?![0-9a-f]{2})|%2f|%5c|%[01][0-9a-f]|%7f/i
const FORBIDDEN_IN_QUERY = /[^\x21-\x7e]|#/
/** `.` and `..`, however they are written. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i
const VERSIONED = /^\/v\d{1,2}(?=\/)/
const API = "/api/"
/** What nearly every request looks like: nothing in it needs a closer look, but for empty segments. */
const ORDINARY = /^\/api\/v\d{1,2}\/[\w@/-]+(?:\?[\w=&,:-]*)?$/

/**
 * @param text the request's target: a path with its query.
 * @param version for paths that name none.
 */
export function parseTarget(text: string, version: number): Target | BadTarget {
  const mark = text.indexOf("?")
  if (text.length <= MAX_PATH_LENGTH && ORDINARY.test(text) && !text.includes("//")) {
    const start = text.indexOf("/", API.length)
    return { path: mark === -1 ? text.slice(start) : text.slice(start, mark), upstream: text }
  }
  const path = mark === -1 ? text : text.slice(0, mark)
  const query = mark === -1 ? "" : text.slice(mark)
  if (!path.startsWith(API)) return bad(`Cannot pass on this path: it must begin with /api/v${version}/.`)
  const problem = problemOfPath(path) ?? problemOfQuery(query)
  if (problem !== null) return bad(`Cannot pass on this path: ${problem}.`)
  const [own] = VERSIONED.exec(path.slice(API.length - 1)) ?? []
  const inner = path.slice(API.length - 1 + (own?.length ?? 0))
  if (inner === "/" || /^\/v\d+$/.test(inner))
    return bad(`Cannot pass on this path: nothing follows /api/v${version}/.`)
  return { path: inner, upstream: own === undefined ? `/api/v${version}${inner}${query}` : text }
}

function bad(problem: string): BadTarget {
  return { problem }
}

/** What is wrong with a path, without a full stop; null when nothing is. */
export function problemOfPath(path: string): string | null {
  if (path.length > MAX_PATH_LENGTH) return `it is ${path.length} characters long, and ${MAX_PATH_LENGTH} is the most`
  if (path.includes("//")) return "it holds an empty segment (//)"
  if (FORBIDDEN_IN_PATH.test(path)) return "it holds a character, or the escape of one, that no path of Discord's has"
  if (path.includes(".") || path.includes("%2")) {
    if (DOT_SEGMENT.test(path)) return "it holds . or .. as a segment"
  }
  return null
}

function problemOfQuery(query: string): string | null {
  if (query.length > MAX_QUERY_LENGTH) {
    return `its query is ${query.length} characters long, and ${MAX_QUERY_LENGTH} is the most`
  }
  return FORBIDDEN_IN_QUERY.test(query) ? "its query holds a character that must be escaped" : null
}
