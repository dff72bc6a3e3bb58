// Discord's side of a connection, for the simulator: payloads in, transport bytes out, each flushed.

import { constants, deflateRawSync } from "node:zlib"
import type { Compression } from "../../discord/gateway-url.ts"
import type { Encoder } from "../encoder.ts"

/** Deflate, a window of 32 KiB, the default level, no dictionary. */
const ZLIB_HEADER = Uint8Array.of(0x78, 0x9c)
const ZLIB_WINDOW_BYTES = 32 * 1024

/** The magic number, a descriptor without checksum or content size, and a window of 128 KiB (2 ** 17). */
const ZSTD_HEADER = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, (17 - 10) << 3)
const ZSTD_BLOCK_HEADER_BYTES = 3
/** The format's largest block. */
const ZSTD_BLOCK_BYTES = 128 * 1024

export function portableEncoder(compression: Compression): Encoder {
  switch (compression) {
    case "none":
      return closable((json) => json.slice())
    case "zlib":
      return closable(zlibEncoder())
    case "zstd":
      return closable(zstdEncoder())
  }
}

type Encode = (json: Uint8Array) => Uint8Array

function closable(encode: Encode): Encoder {
  let closed = false
  return {
    encode(json) {
      if (closed) throw new Error("Cannot use the encoder: it was closed.")
      return encode(json)
    },
    close() {
      closed = true
    },
  }
}

/** Each message is deflated by itself, with the window before it as dictionary: the same stream, without a stream's callbacks. */
function zlibEncoder(): Encode {
  let window = new Uint8Array(0)
  let first = true
  return (json) => {
    const deflated = deflateRawSync(json, {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(window.length > 0 ? { dictionary: window } : {}),
    })
    window = lastBytes(window, json)
    if (!first) return deflated
    first = false
    return concat(ZLIB_HEADER, deflated)
  }
}

function lastBytes(window: Uint8Array, json: Uint8Array): Uint8Array<ArrayBuffer> {
  if (json.length >= ZLIB_WINDOW_BYTES) return json.slice(-ZLIB_WINDOW_BYTES)
  return concat(window.subarray(Math.max(0, window.length + json.length - ZLIB_WINDOW_BYTES)), json)
}

/** One frame that never ends, of uncompressed blocks: right for every reader, and costs nothing to make. */
function zstdEncoder(): Encode {
  let first = true
  return (json) => {
    const header = first ? ZSTD_HEADER : new Uint8Array(0)
    first = false
    const blocks = Math.ceil(json.length / ZSTD_BLOCK_BYTES)
    const out = new Uint8Array(header.length + blocks * ZSTD_BLOCK_HEADER_BYTES + json.length)
    out.set(header)
    let at = header.length
    for (let start = 0; start < json.length; start += ZSTD_BLOCK_BYTES) {
      const block = json.subarray(start, start + ZSTD_BLOCK_BYTES)
      const blockHeader = block.length << 3
      out[at] = blockHeader
      out[at + 1] = blockHeader >>> 8
      out[at + 2] = blockHeader >>> 16
      out.set(block, at + ZSTD_BLOCK_HEADER_BYTES)
      at += ZSTD_BLOCK_HEADER_BYTES + block.length
    }
    return out
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
