// Streams of other makers: each codec reads what standard compressors write, standard decompressors read what each codec
// writes, and each codec reads the other's.

import { describe, expect, test } from "bun:test"
import type { Transform } from "node:stream"
import { constants, createDeflate, createInflate, createZstdCompress, createZstdDecompress } from "node:zlib"
import type { Codec } from "../../src/codec/codec.ts"
import { portableCodec } from "../../src/codec/portable/codec.ts"
import { corpus } from "../../src/simulator/corpus/corpus.ts"
import {
  bytesOf,
  COMPRESSIONS,
  concat,
  failure,
  message,
  openDecoder,
  takeAll,
  unpack,
} from "../contract/codec-harness.ts"
import { nativeOrSkip } from "../contract/codec-native.ts"

const native = nativeOrSkip()
const codecs: readonly Codec[] = native === undefined ? [portableCodec()] : [portableCodec(), native]

const values = [...corpus({ seed: 3, count: 300 })].map(({ d }) => d as unknown)
values.splice(150, 0, `large ${JSON.stringify(values)}`.repeat(3))
const payloads = values.map((d, index) => message(index + 1, d))

/** One frame for each payload, flushed. */
async function compress(stream: Transform & { flush?: unknown }, kind: number): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  let pieces: Uint8Array[] = []
  stream.on("data", (piece: Uint8Array) => pieces.push(piece))
  for (const payload of payloads) {
    await new Promise<void>((done, fail) => stream.write(payload, (error) => (error ? fail(error) : done())))
    await new Promise<void>((done) => {
      const { flush } = stream
      if (typeof flush === "function") flush.call(stream, kind, () => done())
    })
    frames.push(concat(...pieces))
    pieces = []
  }
  stream.destroy()
  return frames
}

async function decompress(stream: Transform, frames: readonly Uint8Array[]): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  stream.on("data", (piece: Uint8Array) => pieces.push(piece))
  for (const frame of frames) {
    await new Promise<void>((done, fail) => stream.write(frame, (error) => (error ? fail(error) : done())))
  }
  stream.destroy()
  return concat(...pieces)
}

const MAKERS: readonly (readonly [string, "zlib" | "zstd", () => Promise<Uint8Array[]>])[] = [
  ...[0, 1, 6, 9].map(
    (level) =>
      [`zlib level ${level}`, "zlib", () => compress(createDeflate({ level }), constants.Z_SYNC_FLUSH)] as const,
  ),
  [
    "zlib with small windows",
    "zlib",
    () => compress(createDeflate({ windowBits: 9, memLevel: 1 }), constants.Z_SYNC_FLUSH),
  ],
  [
    "zlib with fixed codes",
    "zlib",
    () => compress(createDeflate({ strategy: constants.Z_FIXED }), constants.Z_SYNC_FLUSH),
  ],
  ["zlib with full flushes", "zlib", () => compress(createDeflate(), constants.Z_FULL_FLUSH)],
  ...[1, 3, 9, 19].map(
    (level) =>
      [
        `zstd level ${level}`,
        "zstd",
        () =>
          compress(
            createZstdCompress({
              params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_windowLog]: 20 },
            }),
            constants.ZSTD_e_flush,
          ),
      ] as const,
  ),
  [
    "zstd with a checksum",
    "zstd",
    () => compress(createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } }), constants.ZSTD_e_flush),
  ],
]

describe.each(codecs.map((codec) => [codec.name, codec] as const))("%s codec", (_name, codec) => {
  for (const [maker, compression, make] of MAKERS) {
    test(`reads ${maker}`, async () => {
      const decoder = openDecoder(codec, { compression })
      const frames = await make()
      for (const [index, frame] of frames.entries()) {
        decoder.push(frame)
        expect(decoder.lastSequence()).toBe(index + 1)
      }
      expect(takeAll(decoder).map(({ bytes }) => unpack(bytes))).toEqual(values)

      decoder.reset()
      const stream = concat(...frames)
      const step = 997
      for (let at = 0; at < stream.length; at += step) decoder.push(stream.subarray(at, at + step))
      expect(takeAll(decoder)).toHaveLength(values.length)
    })
  }

  test("reads payloads that are frames of their own", async () => {
    const decoder = openDecoder(codec, { compression: "zstd" })
    for (const payload of payloads.slice(0, 20)) decoder.push(await Bun.zstdCompress(payload))
    expect(takeAll(decoder).map(({ bytes }) => unpack(bytes))).toEqual(values.slice(0, 20))
  })

  test("reads a payload that was flushed in the middle", async () => {
    const stream = createDeflate()
    const frame = await new Promise<Uint8Array>((done) => {
      const pieces: Uint8Array[] = []
      stream.on("data", (piece: Uint8Array) => pieces.push(piece))
      const [payload = bytesOf("")] = payloads
      stream.write(payload.subarray(0, 50))
      stream.flush(constants.Z_SYNC_FLUSH, () => {
        stream.write(payload.subarray(50))
        stream.flush(constants.Z_SYNC_FLUSH, () => done(concat(...pieces)))
      })
    })
    const decoder = openDecoder(codec, { compression: "zlib" })
    decoder.push(frame)
    expect(takeAll(decoder).map(({ bytes }) => unpack(bytes))).toEqual(values.slice(0, 1))
  })

  test("does not take the bytes of a marker inside a block for a flush", () => {
    const inside = concat(bytesOf('{"op":11,"d":"'), Uint8Array.of(0, 0, 0xff, 0xff), bytesOf('"}'))
    const stored = concat(Uint8Array.of(0x78, 0x9c, 0, inside.length, 0, ~inside.length, 0xff), inside)
    const decoder = openDecoder(codec, { compression: "zlib" })
    // No such text is JSON, which is what must be said of it, and not that the compression is broken.
    expect(failure(() => decoder.push(concat(stored, Uint8Array.of(0, 0, 0, 0xff, 0xff))))).toBe("json")
  })

  test("refuses broken streams as such", () => {
    const zlib = codec.encoder("zlib").encode(message(1, "x"))
    const zstd = codec.encoder("zstd").encode(message(1, "x"))
    const broken: readonly (readonly ["zlib" | "zstd", Uint8Array])[] = [
      ["zlib", bytesOf('{"op":11}')],
      ["zlib", Uint8Array.of(0x78, 0x9d, ...zlib.subarray(2))],
      ["zlib", Uint8Array.of(0x78, 0xbb, ...zlib.subarray(2))],
      ["zlib", concat(zlib, Uint8Array.of(0x07, 0, 0, 0xff, 0xff))],
      ["zstd", bytesOf('{"op":11}')],
      ["zstd", zlib],
      ["zstd", zstd.map((byte, at) => (at === 4 ? byte | 0x08 : byte))],
      ["zstd", concat(zstd, Uint8Array.of(0x06, 0, 0, 0, 0))],
      ["zstd", concat(zstd, Uint8Array.of(0xff, 0xff, 0xff, 0, 0))],
    ]
    for (const [index, [compression, bytes]] of broken.entries()) {
      const decoder = openDecoder(codec, { compression })
      expect([index, failure(() => decoder.push(bytes))]).toEqual([index, "transport"])
    }
  })

  test("writes what standard decompressors read, each payload whole as soon as its frame is there", async () => {
    for (const [compression, reader] of [
      ["zlib", createInflate],
      ["zstd", createZstdDecompress],
    ] as const) {
      const encoder = codec.encoder(compression)
      const frames = payloads.map((payload) => encoder.encode(payload))
      expect(await decompress(reader(), frames)).toEqual(concat(...payloads))
      const last = frames.length - 1
      expect((await decompress(reader(), frames.slice(0, last))).length).toBe(concat(...payloads.slice(0, last)).length)
    }
  })

  test("reads every other codec's streams", () => {
    for (const other of codecs) {
      for (const compression of COMPRESSIONS) {
        const encoder = other.encoder(compression)
        const decoder = openDecoder(codec, { compression })
        for (const payload of payloads) decoder.push(encoder.encode(payload))
        expect(takeAll(decoder).map(({ bytes }) => unpack(bytes))).toEqual(values)
      }
    }
  })

  test("#20 never makes an event of a broken stream that the stream did not hold", () => {
    // A broken byte in the middle of a compressed stream: what comes out before the break is right, nothing after it counts.
    for (const compression of ["zlib", "zstd"] as const) {
      const encoder = codec.encoder(compression)
      const frames = payloads.slice(0, 40).map((payload) => encoder.encode(payload))
      for (let broken = 1; broken < 39; broken++) {
        const decoder = openDecoder(codec, { compression })
        const refused = failure(() => {
          for (const [index, frame] of frames.entries()) {
            decoder.push(index === broken ? frame.map((byte, at) => (at < 12 ? 0xff : byte)) : frame)
          }
        })
        expect(refused).toBeString()
        expect(takeAll(decoder).map(({ bytes }) => unpack(bytes))).toEqual(values.slice(0, broken))
        expect(decoder.lastSequence()).toBe(broken)
      }
    }
  })
})
