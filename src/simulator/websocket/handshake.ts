// The server's half of the WebSocket opening handshake, on raw bytes: a raw socket is what lets the simulator stay
// silent, split a frame or leave a connection half-open.
// Source: RFC 6455 section 4.2.

import { createHash } from "node:crypto"

export interface UpgradeRequest {
  readonly path: string
  readonly query: URLSearchParams
  /** The Host header: how the client reaches us. */
  readonly host: string
  readonly key: string
}

export type Handshake =
  | { readonly type: "partial" }
  | { readonly type: "refused"; readonly response: string }
  | { readonly type: "complete"; readonly request: UpgradeRequest; readonly rest: Uint8Array }

const MAX_HEAD_BYTES = 16 * 1024
const HEAD_END = "\r\n\r\n"
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/** Reads the request's head from all the bytes received so far. */
export function readHandshake(bytes: Uint8Array): Handshake {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_HEAD_BYTES)).toString("latin1")
  const end = text.indexOf(HEAD_END)
  if (end < 0)
    return text.length < MAX_HEAD_BYTES ? { type: "partial" } : refused("431 Request Header Fields Too Large")
  const [requestLine = "", ...headerLines] = text.slice(0, end).split("\r\n")
  const target = /^GET (\/\S*) HTTP\/1\.1$/.exec(requestLine)?.[1]
  const headers = new Map(headerLines.map(parseHeader))
  const key = headers.get("sec-websocket-key")
  if (target === undefined || key === undefined || headers.get("upgrade")?.toLowerCase() !== "websocket")
    return refused("426 Upgrade Required")
  const url = URL.canParse(target, "ws://gateway") ? new URL(target, "ws://gateway") : undefined
  if (url === undefined) return refused("400 Bad Request")
  const request = { path: url.pathname, query: url.searchParams, host: headers.get("host") ?? "", key }
  return { type: "complete", request, rest: bytes.subarray(end + HEAD_END.length) }
}

/** The response that opens the WebSocket. No extension is accepted: Discord's compression is its own. */
export function acceptResponse(key: string): string {
  const accept = createHash("sha1")
    .update(key + KEY_SUFFIX)
    .digest("base64")
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}${HEAD_END}`
}

/** A plain HTTP answer instead of a WebSocket. */
export function refusal(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close${HEAD_END}${body}`
}

function refused(status: string): Handshake {
  return { type: "refused", response: refusal(status, "This is the simulated gateway: connect with a WebSocket.\n") }
}

function parseHeader(line: string): [string, string] {
  const colon = line.indexOf(":")
  return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]
}
