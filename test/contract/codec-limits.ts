// The bounds of a decoder: what a hostile or broken stream may cost.

import { expect, test } from "bun:test"
import type { Codec } from "../../src/codec/codec.ts"
import { DEFAULT_DECODER_LIMITS } from "../../src/codec/decoder.ts"
import { bytesOf, COMPRESSIONS, concat, failure, json, message, openDecoder, takeAll, unpack } from "./codec-harness.ts"

const MIB = 1024 * 1024
const ENVELOPE = '{"op":0,"s":1,"t":"MESSAGE_CREATE","d":'

export function limitsContract(codec: Codec): void {
  for (const compression of COMPRESSIONS) {
    test(`refuses a payload larger than maxMessageBytes (${compression})`, () => {
      const limits = { ...DEFAULT_DECODER_LIMITS, maxMessageBytes: 5_000, maxRatio: 10_000 }
      const exact = message(1, "x".repeat(5_000 - message(1, "").length))
      expect(exact.length).toBe(5_000)
      const decoder = openDecoder(codec, { compression, limits })
      decoder.push(codec.encoder(compression).encode(exact))
      expect(decoder.pendingEvents()).toBe(1)

      decoder.reset()
      const frame = codec.encoder(compression).encode(message(2, "x".repeat(5_001)))
      expect(failure(() => decoder.push(frame))).toBe("limit")
      expect([decoder.pendingEvents(), decoder.lastSequence()]).toEqual([1, 1])
    })

    test(`refuses a payload that never ends (${compression})`, () => {
      const decoder = openDecoder(codec, {
        compression,
        limits: { ...DEFAULT_DECODER_LIMITS, maxMessageBytes: 100_000 },
      })
      const encoder = codec.encoder(compression)
      decoder.push(encoder.encode(bytesOf(`${ENVELOPE}"`)))
      const more = bytesOf("abcdefgh ".repeat(1_000))
      const push = () => {
        for (let i = 0; i < 20; i++) decoder.push(encoder.encode(more))
      }
      expect(failure(push)).toBe("limit")
    })
  }

  test("refuses a message of more than 1 MiB that was compressed to next to nothing", () => {
    const text = message(1, "x".repeat(8 * MIB))
    const limits = { ...DEFAULT_DECODER_LIMITS, maxRatio: 100 }
    const flushed = codec.encoder("zlib").encode(text)
    expect(failure(() => openDecoder(codec, { compression: "zlib", limits }).push(flushed))).toBe("limit")
    const unfinished = flushed.subarray(0, -10)
    expect(failure(() => openDecoder(codec, { compression: "zlib", limits }).push(unfinished))).toBe("limit")
    const decoder = openDecoder(codec, { compression: "zlib", limits: { ...limits, maxRatio: 2_000 } })
    decoder.push(flushed)
    expect(decoder.pendingEvents()).toBe(1)
  })

  test("refuses a zstd block of one repeated letter by its ratio", () => {
    const header = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, (17 - 10) << 3)
    const text = bytesOf(`${ENVELOPE}"`)
    const start = concat(header, Uint8Array.of(text.length << 3, (text.length << 3) >>> 8, 0), text)
    const runBytes = 128 * 1024
    const run = (runBytes << 3) | (1 << 1)
    const repeated = Uint8Array.of(run, run >>> 8, run >>> 16, 0x61)
    const decoder = openDecoder(codec, { compression: "zstd", limits: { ...DEFAULT_DECODER_LIMITS, maxRatio: 1_000 } })
    decoder.push(start)
    expect(failure(() => decoder.push(concat(...Array.from({ length: 100 }, () => repeated))))).toBe("limit")
  })

  test("allows any ratio up to 1 MiB", () => {
    const text = "x".repeat(MIB - 100)
    const decoder = openDecoder(codec, { compression: "zlib", limits: { ...DEFAULT_DECODER_LIMITS, maxRatio: 2 } })
    const encoder = codec.encoder("zlib")
    decoder.push(encoder.encode(message(1, text)))
    expect(takeAll(decoder).map(({ bytes }) => unpack(bytes))).toEqual([text])
  })

  test("refuses a zstd window that is larger than maxWindowLog", () => {
    const limits = { ...DEFAULT_DECODER_LIMITS, maxWindowLog: 20 }
    const frame = (windowLog: number) => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, (windowLog - 10) << 3)
    const text = message(1, "x")
    const block = concat(Uint8Array.of(text.length << 3, (text.length << 3) >>> 8, 0), text)
    const decoder = openDecoder(codec, { compression: "zstd", limits })
    decoder.push(concat(frame(20), block))
    expect(decoder.pendingEvents()).toBe(1)
    decoder.reset()
    expect(failure(() => decoder.push(concat(frame(21), block)))).toBe("limit")
  })

  test("takes 256 containers within one another, the payload included, and refuses 257", () => {
    const nested = (depth: number) => bytesOf(`${ENVELOPE}${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`)
    const decoder = openDecoder(codec)
    decoder.push(nested(256))
    expect(decoder.pendingEvents()).toBe(1)
    expect(failure(() => decoder.push(nested(257)))).toBe("limit")
    expect(failure(() => openDecoder(codec).push(bytesOf(`${ENVELOPE}${'{"a":'.repeat(300)}`)))).toBe("limit")
  })

  test("holds 1,024 control packets and refuses one more", () => {
    const decoder = openDecoder(codec)
    const ack = json({ op: 11 })
    for (let i = 1; i <= 1024; i++) expect(decoder.push(ack)).toBe(i)
    expect(failure(() => decoder.push(ack))).toBe("limit")
    expect(decoder.takeControl()).toHaveLength(1024)
  })
}
