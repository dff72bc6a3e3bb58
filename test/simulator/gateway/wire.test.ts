import { describe, expect, test } from "bun:test"
import { constants, inflateSync, zstdDecompressSync } from "node:zlib"
import { loadCodec } from "../../../src/codec/load.ts"
import { COMPRESSIONS, type Compression } from "../../../src/discord/gateway-url.ts"
import type { Corruption } from "../../../src/simulator/faults/fault.ts"
import { Wire } from "../../../src/simulator/gateway/wire.ts"

const JSON_TEXT = JSON.stringify({ t: "MESSAGE_CREATE", s: 1, op: 0, d: { content: "hello ".repeat(30) } })

/** The first byte and the payload of the one frame that a spoilt message makes. */
function spoil(compression: Compression, how: Corruption): { readonly first: number; readonly payload: Buffer } {
  const sent: Buffer[] = []
  const wire = new Wire({
    compression,
    encoder: loadCodec("portable").encoder(compression),
    layout: () => ({ type: "whole" }),
    send: (frames) => sent.push(frames),
  })
  wire.sendCorrupt(Buffer.from(JSON_TEXT), how)
  const [frame = Buffer.alloc(0)] = sent
  return { first: frame[0] ?? 0, payload: frame.subarray(frame[1] === 126 ? 4 : 2) }
}

function inflate(compression: Compression, bytes: Buffer): Buffer {
  if (compression === "none") return bytes
  if (compression === "zlib") return inflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  return zstdDecompressSync(bytes, { finishFlush: constants.ZSTD_e_flush })
}

const strict = new TextDecoder("utf-8", { fatal: true })

describe.each([...COMPRESSIONS])("a spoilt event with compression %s", (compression) => {
  test("by compression does not inflate to JSON", () => {
    const { payload } = spoil(compression, "compression")
    expect(() => JSON.parse(strict.decode(inflate(compression, payload)))).toThrow()
  })

  test("by utf8 is whole but no UTF-8", () => {
    const bytes = inflate(compression, spoil(compression, "utf8").payload)
    expect(bytes.length).toBe(JSON_TEXT.length)
    expect(() => strict.decode(bytes)).toThrow()
  })

  test("by json is its first half", () => {
    const text = strict.decode(inflate(compression, spoil(compression, "json").payload))
    expect(JSON_TEXT).toStartWith(text)
    expect(() => JSON.parse(text)).toThrow()
  })

  test("by reserved bits is whole in a frame that RFC 6455 does not allow", () => {
    const { first, payload } = spoil(compression, "reserved-bits")
    expect(first & 0x70).toBe(0x70)
    expect(inflate(compression, payload).toString()).toBe(JSON_TEXT)
  })
})
