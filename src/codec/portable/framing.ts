// What surrounds each body on its way to the broker. Whatever is the same for every event of a name is made once, when the
// decoder is made.

import type { Encoding } from "../encoding.ts"
import { Bytes } from "./bytes.ts"
import { writeMapHeader, writeString } from "./messagepack.ts"

/** What a frame says beside the event's name and body. */
export interface FrameContext {
  readonly sessionId: string
  readonly sequence: number
  readonly unixMs: number
}

/** Appends one framed event to `out`; `event` is a position in the event names the framing was made for. */
export type WriteFrame = (out: Bytes, event: number, body: Uint8Array, context: FrameContext) => void

const NEWLINE = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const STDIO_JSON_END = Uint8Array.of(0x7d, NEWLINE)

export function framing({ body, framing }: Encoding, events: readonly string[]): WriteFrame {
  switch (framing.type) {
    case "bare":
      return (out, _event, bytes) => out.append(bytes)
    case "stdio":
      return body === "json" ? stdioJson(events) : stdioMessagePack(events)
    case "redis":
      return redis(events, framing)
  }
}

function stdioJson(events: readonly string[]): WriteFrame {
  const encoder = new TextEncoder()
  const heads = events.map((name) => encoder.encode(`{"event":${JSON.stringify(name)},"data":`))
  return (out, event, body, _context) => {
    out.append(at(heads, event))
    const start = out.length
    out.append(body)
    keepOneLine(out.bytes, start, out.length)
    out.append(STDIO_JSON_END)
  }
}

/** In JSON a bare line end is only ever white space between tokens, so a space may take its place. */
function keepOneLine(bytes: Uint8Array, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    if (bytes[i] === NEWLINE || bytes[i] === RETURN) bytes[i] = SPACE
  }
}

function stdioMessagePack(events: readonly string[]): WriteFrame {
  const heads = events.map((name) => {
    const head = new Bytes()
    writeMapHeader(head, 2)
    writeString(head, "event")
    writeString(head, name)
    writeString(head, "data")
    return head.view().slice()
  })
  return (out, event, body) => {
    out.append(at(heads, event))
    out.append(body)
  }
}

function redis(
  events: readonly string[],
  { retentionMs, maxLength }: { readonly retentionMs?: number; readonly maxLength?: number },
): WriteFrame {
  const encoder = new TextEncoder()
  const trims = retentionMs !== undefined || maxLength !== undefined
  const words = trims ? 10 : 7
  const heads = events.map((name) => encoder.encode(`*${words}\r\n$4\r\nXADD\r\n${bulk(name)}`))
  const maxLengthTrim = maxLength === undefined ? "" : trim("MAXLEN", maxLength)
  return (out, event, body, { sessionId, sequence, unixMs }) => {
    out.append(at(heads, event))
    out.appendAscii(retentionMs === undefined ? maxLengthTrim : trim("MINID", unixMs - retentionMs))
    out.appendAscii(`$1\r\n*\r\n$4\r\ndata\r\n$${body.length}\r\n`)
    out.append(body)
    out.append(encoder.encode(`\r\n$2\r\nid\r\n${bulk(`${sessionId}:${sequence}`)}`))
  }
}

function trim(strategy: "MINID" | "MAXLEN", threshold: number): string {
  return `${bulk(strategy)}$1\r\n~\r\n${bulk(String(Math.max(0, Math.floor(threshold))))}`
}

/** A RESP bulk string. */
function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

function at(heads: readonly Uint8Array[], event: number): Uint8Array {
  const head = heads[event]
  if (head === undefined) throw new RangeError(`Cannot frame event ${event}: there are ${heads.length}.`)
  return head
}
