// From a payload's JSON to WebSocket frames: compression, and what faults do to messages on their way.

import type { Encoder } from "../../codec/encoder.ts"
import type { Compression } from "../../discord/gateway-url.ts"
import type { Corruption } from "../faults/fault.ts"
import { encodeFrame, FrameOpcode } from "../websocket/frames.ts"

/** How messages are laid out in frames. `partBytes`: split into parts of that size, and between the marker's bytes. */
export type Layout =
  | { readonly type: "whole" }
  | { readonly type: "split"; readonly partBytes: number; readonly splitMarker: boolean }
  | { readonly type: "merged" }

export interface WireOptions {
  readonly compression: Compression
  readonly encoder: Encoder
  /** Asked before each message. */
  readonly layout: () => Layout
  /** Takes finished frames. */
  readonly send: (frames: Buffer) => void
}

const WHOLE: Layout = { type: "whole" }
const GARBAGE_BYTES = 64
const RESERVED_BITS = 0b111
const ZLIB_MARKER = Buffer.from([0x00, 0x00, 0xff, 0xff])
/** A byte that UTF-8 never has. */
const NOT_UTF8 = 0xff

export class Wire {
  readonly #options: WireOptions
  readonly #opcode: number
  /** Messages that wait to share a frame. */
  #merging: Uint8Array[] = []

  constructor(options: WireOptions) {
    this.#options = options
    this.#opcode = options.compression === "none" ? FrameOpcode.text : FrameOpcode.binary
  }

  send(json: Buffer): void {
    const message = this.#compress(json)
    const { compression, layout } = this.#options
    const how = layout()
    if (how.type === "merged" && compression === "zlib") return this.#merge(message)
    this.#options.send(this.#frames(message, how))
  }

  /** The frames of a message, for sending later. They must be sent in the order they were made in. */
  frames(json: Buffer): Buffer {
    return this.#frames(this.#compress(json), WHOLE)
  }

  /** Sends the payload spoilt. The client can read nothing of this connection after it. */
  sendCorrupt(json: Buffer, how: Corruption): void {
    const half = json.subarray(0, json.length >> 1)
    const { send } = this.#options
    switch (how) {
      case "compression":
        return send(encodeFrame(this.#opcode, this.#garbage()))
      case "utf8": {
        const spoilt = Buffer.from(json)
        spoilt[spoilt.lastIndexOf('"') - 1] = NOT_UTF8
        return send(encodeFrame(this.#opcode, this.#compress(spoilt)))
      }
      case "json":
        return send(encodeFrame(this.#opcode, this.#compress(half)))
      case "reserved-bits":
        return send(encodeFrame(this.#opcode, this.#compress(json), { reserved: RESERVED_BITS }))
    }
  }

  close(): void {
    this.#options.encoder.close()
  }

  /** No compressed stream, but with zlib's end marker, so that a client does try to inflate it. */
  #garbage(): Buffer {
    if (this.#options.compression === "none") return Buffer.from("}not json{")
    return Buffer.concat([Buffer.alloc(GARBAGE_BYTES, 0xee), ZLIB_MARKER])
  }

  #compress(json: Buffer): Uint8Array {
    return this.#options.compression === "none" ? json : this.#options.encoder.encode(json)
  }

  #frames(message: Uint8Array, layout: Layout): Buffer {
    if (layout.type !== "split" || message.length < 2) return encodeFrame(this.#opcode, message)
    const parts = split(message, layout)
    if (this.#options.compression === "zlib") return Buffer.concat(parts.map((part) => encodeFrame(this.#opcode, part)))
    const last = parts.length - 1
    return Buffer.concat(
      parts.map((part, index) =>
        encodeFrame(index === 0 ? this.#opcode : FrameOpcode.continuation, part, { final: index === last }),
      ),
    )
  }

  #merge(message: Uint8Array): void {
    this.#merging.push(message)
    if (this.#merging.length > 1) return
    setImmediate(() => {
      const together = Buffer.concat(this.#merging)
      this.#merging = []
      this.#options.send(encodeFrame(this.#opcode, together))
    })
  }
}

/** The marker is the last four bytes; its two halves are parted by ending the part before the last two. */
function split(
  message: Uint8Array,
  { partBytes, splitMarker }: { partBytes: number; splitMarker: boolean },
): Uint8Array[] {
  const lastAt = message.length - (splitMarker ? 2 : Math.min(4, message.length))
  const parts: Uint8Array[] = []
  for (let at = 0; at < lastAt; at += partBytes) parts.push(message.subarray(at, Math.min(lastAt, at + partBytes)))
  parts.push(message.subarray(lastAt))
  return parts
}

/** The compression that a client asks for in the gateway URL's query; one that is not known means none. */
export function compressionOf(query: URLSearchParams): Compression {
  const compress = query.get("compress")
  return compress === "zlib-stream" ? "zlib" : compress === "zstd-stream" ? "zstd" : "none"
}
