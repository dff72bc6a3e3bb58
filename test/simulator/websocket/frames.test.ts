import { describe, expect, test } from "bun:test"
import { seededRandom } from "../../../src/simulator/corpus/random.ts"
import { encodeFrame, FrameReader, type Incoming } from "../../../src/simulator/websocket/frames.ts"

const MAX_BYTES = 4_096

/** A frame as a client sends it: masked. */
function clientFrame(opcode: number, payload: string | Uint8Array, final = true): Buffer {
  const mask = Buffer.from([0x12, 0x34, 0x56, 0x78])
  const frame = encodeFrame(opcode, Buffer.from(payload), { final })
  const headBytes = frame.length - Buffer.from(payload).length
  frame[1] = (frame[1] ?? 0) | 0x80
  for (let i = headBytes; i < frame.length; i++) frame[i] = (frame[i] ?? 0) ^ (mask[(i - headBytes) & 3] ?? 0)
  return Buffer.concat([frame.subarray(0, headBytes), mask, frame.subarray(headBytes)])
}

const close = (code: number, reason: string) => {
  const payload = Buffer.alloc(2 + reason.length)
  payload.writeUInt16BE(code)
  payload.write(reason, 2)
  return clientFrame(8, payload)
}

const message = (text: string): Incoming => ({ type: "message", payload: Buffer.from(text) })

describe("a client's frames", () => {
  test("are read wherever the bytes break off", () => {
    const random = seededRandom(1, "frames")
    const long = "é".repeat(2_000)
    const stream = Buffer.concat([
      clientFrame(1, "one"),
      clientFrame(9, "ping"),
      clientFrame(1, "two, in ", false),
      clientFrame(10, "pong between"),
      clientFrame(0, "parts"),
      clientFrame(2, long),
      clientFrame(1, ""),
      close(4900, "bye"),
    ])
    for (let round = 0; round < 200; round++) {
      const reader = new FrameReader(MAX_BYTES)
      const seen: Incoming[] = []
      for (let at = 0; at < stream.length; ) {
        const end = at + random.between(1, round < 100 ? 10 : 3_000)
        seen.push(...reader.push(stream.subarray(at, end)))
        at = end
      }
      expect(seen).toEqual([
        message("one"),
        { type: "ping", payload: Buffer.from("ping") },
        message("two, in parts"),
        message(long),
        message(""),
        { type: "close", code: 4900, reason: "bye" },
      ])
    }
  })

  test("may be 4,096 bytes in all their fragments, and no more", () => {
    const reader = new FrameReader(MAX_BYTES)
    expect(reader.push(clientFrame(1, "x".repeat(4_096)))).toHaveLength(1)
    expect(reader.push(clientFrame(1, "x".repeat(4_000), false))).toEqual([])
    expect(reader.push(clientFrame(0, "x".repeat(97)))).toEqual([{ type: "too-large" }])
  })

  test("too large are known by their head, before their bytes come", () => {
    const head = clientFrame(1, "x".repeat(100_000)).subarray(0, 10)
    expect(new FrameReader(MAX_BYTES).push(head)).toEqual([{ type: "too-large" }])
  })

  test.each([
    ["no mask", encodeFrame(1, Buffer.from("x"))],
    ["reserved bits", Buffer.from([0xf1, 0x80, 0, 0, 0, 0])],
    ["a reserved opcode", clientFrame(3, "x")],
  ])("with %s are broken, and nothing after them is read", (_, bytes) => {
    const reader = new FrameReader(MAX_BYTES)
    expect(reader.push(bytes)).toEqual([{ type: "broken" }])
    expect(reader.push(clientFrame(1, "later"))).toEqual([])
  })

  test("of random bytes never make the reader throw", () => {
    const random = seededRandom(2, "garbage")
    for (let round = 0; round < 2_000; round++) {
      const reader = new FrameReader(MAX_BYTES)
      for (let part = 0; part < 4; part++)
        reader.push(Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256))))
    }
  })

  test("without a close code say so", () => {
    expect(new FrameReader(MAX_BYTES).push(clientFrame(8, ""))).toEqual([{ type: "close", code: null, reason: "" }])
  })
})

test.each([0, 125, 126, 65_535, 65_536, 3_000_000])("a payload of %d bytes has the shortest head", (bytes) => {
  const headBytes = bytes < 126 ? 2 : bytes < 65_536 ? 4 : 10
  expect(encodeFrame(2, Buffer.alloc(bytes)).length).toBe(headBytes + bytes)
})
