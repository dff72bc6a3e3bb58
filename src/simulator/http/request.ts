// A request's head, and the bounds on what a client may send.
// Source: RFC 9112 › Message Format, Message Body Length.

/** Names in lower case. A header that came several times is joined with commas. */
export type Headers = ReadonlyMap<string, string>

export interface RequestHead {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** With the question mark; empty when there is none. */
  readonly search: string
  readonly headers: Headers
  /** The address of the client. */
  readonly ip: string
  readonly body: BodyLength
  readonly keepAlive: boolean
}

export type BodyLength = { readonly type: "bytes"; readonly bytes: number } | { readonly type: "chunked" }

export type Head =
  | { readonly type: "partial" }
  | { readonly type: "bad"; readonly status: 400 | 413 | 431; readonly reason: string }
  /** `end`: where the body begins. */
  | { readonly type: "head"; readonly request: RequestHead; readonly block: HeaderBlock; readonly end: number }

const MAX_HEAD_BYTES = 64 * 1024
/** Discord takes 25 MB files and, boosted, far more; this is for the largest request of a test. */
export const MAX_BODY_BYTES = 128 * 1024 * 1024
const SPACE = 0x20
const NO_BODY: BodyLength = { type: "bytes", bytes: 0 }
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** What the header lines say; kept between requests, since a client mostly sends the same ones again. */
export interface HeaderBlock {
  readonly text: string
  readonly headers: Headers
  readonly body: BodyLength
}

export const NO_HEADERS: HeaderBlock = { text: "", headers: new Map(), body: NO_BODY }

/**
 * Reads the head at the start of `bytes`, if it is all there.
 * @param last the header lines of the request before
 */
export function readHead(bytes: Buffer, ip: string, last: HeaderBlock): Head {
  const end = bytes.indexOf("\r\n\r\n")
  if (end === -1) return bytes.length > MAX_HEAD_BYTES ? bad(431, "The head is too long.") : { type: "partial" }
  if (end > MAX_HEAD_BYTES) return bad(431, "The head is too long.")
  const text = bytes.toString("latin1", 0, end)
  const lineEnd = text.indexOf("\r\n")
  const line = lineEnd === -1 ? text : text.slice(0, lineEnd)
  const [method = "", target = "", version = "", more] = line.split(" ")
  if (!TOKEN.test(method) || !target.startsWith("/") || more !== undefined || !version.startsWith("HTTP/1."))
    return bad(400, "The request line is not METHOD /path HTTP/1.1.")
  const block = readBlock(lineEnd === -1 ? "" : text.slice(lineEnd + 2), last)
  if (typeof block === "string") return bad(400, block)
  const { headers, body } = block
  if (body.type === "bytes" && body.bytes > MAX_BODY_BYTES) return bad(413, "The body is too large.")
  const question = target.indexOf("?")
  const connection = headers.get("connection")?.toLowerCase()
  const request: RequestHead = {
    method,
    path: question === -1 ? target : target.slice(0, question),
    search: question === -1 ? "" : target.slice(question),
    headers,
    ip,
    body,
    keepAlive: version === "HTTP/1.1" ? connection !== "close" : connection === "keep-alive",
  }
  return { type: "head", request, block, end: end + 4 }
}

/** A sentence where it cannot be read. */
function readBlock(text: string, last: HeaderBlock): HeaderBlock | string {
  if (text === last.text) return last
  const headers = new Map<string, string>()
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":")
    if (colon < 1 || line.charCodeAt(colon - 1) === SPACE) return "A header has no name."
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const known = headers.get(name)
    headers.set(name, known === undefined ? value : `${known}, ${value}`)
  }
  const body = bodyLength(headers)
  return body === undefined ? "Content-Length or Transfer-Encoding is wrong." : { text, headers, body }
}

/** Undefined when the length cannot be told: then where the next request begins cannot be either. */
function bodyLength(headers: Headers): BodyLength | undefined {
  const coding = headers.get("transfer-encoding")
  const length = headers.get("content-length")
  if (coding !== undefined)
    return coding.toLowerCase() === "chunked" && length === undefined ? { type: "chunked" } : undefined
  if (length === undefined) return NO_BODY
  return /^\d{1,15}$/.test(length) ? { type: "bytes", bytes: Number(length) } : undefined
}

function bad(status: 400 | 413 | 431, reason: string): Head {
  return { type: "bad", status, reason }
}
