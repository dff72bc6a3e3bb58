// A request as it comes over the broker: `{method, path, query?, body?, headers?, timeout?}`, a map or an array in that
// order. Whatever is wrong with it has a status of its own, and a sentence.

import { parseTarget, type Target } from "../target.ts"

/** The statuses of a reply other than 0, which is Discord's answer. */
export const STATUS = {
  unknown: 1,
  format: 2,
  path: 3,
  query: 4,
  method: 5,
  headers: 6,
  failed: 7,
  timeout: 8,
} as const

export type FailureStatus = (typeof STATUS)[keyof typeof STATUS]

export interface RpcRequest {
  readonly type: "request"
  readonly method: string
  readonly target: Target
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer> | null
  /** Null where it does not say. */
  readonly timeoutMs: number | null
}

export interface Malformed {
  readonly type: "malformed"
  readonly status: FailureStatus
  readonly message: string
}

const FIELDS = ["method", "path", "query", "body", "headers", "timeout"] as const
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,128}$/
/** Printable, a tab, or beyond ASCII: nothing that could end the header. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const MAX_HEADERS = 100
const MAX_HEADER_LENGTH = 16_384
const MS_PER_SECOND = 1_000
const NANOSECONDS_PER_MS = 1_000_000

type Fields = Readonly<Partial<Record<(typeof FIELDS)[number], unknown>>>

/** @param version for the path, which names none. */
export function readRequest(data: unknown, version: number): RpcRequest | Malformed {
  const fields = fieldsOf(data)
  if (fields === null) return malformed("format", "Cannot read the request: it is neither a map nor an array.")
  const { method, path } = fields
  if (typeof method !== "string" || !METHODS.has(method.toUpperCase())) {
    return malformed("method", `Cannot read the request: its method is none of ${[...METHODS].join(", ")}.`)
  }
  if (typeof path !== "string" || !path.startsWith("/")) {
    return malformed("path", "Cannot read the request: its path is no text that begins with a slash.")
  }
  const query = queryOf(fields.query)
  if (query === null) return malformed("query", "Cannot read the request: its query is no map of texts.")
  const versioned = escaped(path.startsWith("/api/") ? path : `/api/v${version}${path}`)
  const target = parseTarget(versioned, version)
  if ("problem" in target) return malformed("path", target.problem)
  const headers = headersOf(fields.headers)
  if (typeof headers === "string") return malformed("headers", headers)
  const body = bodyOf(fields.body)
  if (body === undefined) return malformed("format", "Cannot read the request: its body is neither bytes nor text.")
  const timeoutMs = timeoutOf(fields.timeout)
  if (timeoutMs === undefined) return malformed("format", "Cannot read the request: its timeout has no secs and nanos.")
  const separator = target.upstream.includes("?") ? "&" : "?"
  const whole = query === "" ? target : { ...target, upstream: `${target.upstream}${separator}${query}` }
  return { type: "request", method: method.toUpperCase(), target: whole, headers, body, timeoutMs }
}

function malformed(kind: keyof typeof STATUS, message: string): Malformed {
  return { type: "malformed", status: STATUS[kind], message }
}

function fieldsOf(data: unknown): Fields | null {
  if (typeof data !== "object" || data === null || data instanceof Uint8Array) return null
  if (Array.isArray(data)) return Object.fromEntries(FIELDS.map((name, index) => [name, data[index]]))
  return data
}

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] | null {
  if (isNothing(value)) return []
  if (typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array) return null
  return Object.entries(value)
}

/** An emoji may stand in the path as it is: HTTP clients write it escaped by themselves. */
function escaped(path: string): string {
  return path.replace(/[^\0-\x7f]+/g, (text) => encodeURIComponent(text.toWellFormed()))
}

function queryOf(value: unknown): string | null {
  const entries = entriesOf(value)
  if (entries === null) return null
  const query = new URLSearchParams()
  for (const [name, one] of entries) {
    if (typeof one !== "string") return null
    query.append(name, one)
  }
  return query.toString()
}

function headersOf(value: unknown): Headers | string {
  const entries = entriesOf(value)
  if (entries === null) return "Cannot read the request: its headers are no map."
  if (entries.length > MAX_HEADERS) {
    return `Cannot read the request: it has ${entries.length} headers, and ${MAX_HEADERS} is the most.`
  }
  const headers = new Headers()
  for (const [name, one] of entries) {
    if (!HEADER_NAME.test(name)) return "Cannot read the request: one of its headers has a name that cannot be."
    const isText = typeof one === "string" && one.length <= MAX_HEADER_LENGTH && HEADER_VALUE.test(one)
    if (!isText) return `Cannot read the request: its header ${name} is no text of one line.`
    headers.append(name, one)
  }
  return headers
}

/** Undefined: it cannot be one. */
function bodyOf(value: unknown): Uint8Array<ArrayBuffer> | null | undefined {
  if (isNothing(value)) return null
  if (typeof value === "string") return new TextEncoder().encode(value)
  // A copy: a decoder's bytes are a view into what else the message held.
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (!Array.isArray(value) || !value.every(isByte)) return undefined
  return Uint8Array.from(value)
}

function isByte(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255
}

/** Undefined: it cannot be one. */
function timeoutOf(value: unknown): number | null | undefined {
  if (isNothing(value)) return null
  const [secs, nanos] = Array.isArray(value)
    ? value
    : typeof value === "object"
      ? [Reflect.get(value, "secs"), Reflect.get(value, "nanos")]
      : []
  const more = nanos ?? 0
  if (!isAmount(secs) || !isAmount(more)) return undefined
  return Number(secs) * MS_PER_SECOND + Number(more) / NANOSECONDS_PER_MS
}

/** A decoder gives large whole numbers as bigint. */
function isAmount(value: unknown): value is number | bigint {
  return (typeof value === "number" || typeof value === "bigint") && value >= 0
}
