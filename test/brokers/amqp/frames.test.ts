import { describe, expect, test } from "bun:test"
import { MessageFrames, type MessageHead, sessionBytes } from "../../../src/brokers/amqp/frames.ts"

const FRAME_MAX = 4_096
const HEAD: MessageHead = {
  exchange: "gateway",
  routingKey: "MESSAGE_CREATE",
  mandatory: true,
  persistent: true,
  contentType: "application/json",
  expirationMs: 120_000,
  hasId: true,
}

interface Frame {
  readonly type: number
  readonly channel: number
  readonly payload: Buffer
}

/** What a server reads. */
function framesIn(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at + 3)
    expect(bytes[at + 7 + size]).toBe(0xce)
    frames.push({
      type: bytes.readUInt8(at),
      channel: bytes.readUInt16BE(at + 1),
      payload: bytes.subarray(at + 7, at + 7 + size),
    })
    at += size + 8
  }
  return frames
}

function encode(head: MessageHead, body: string, sequence = 42): Frame[] {
  const frames = new MessageFrames(head, 7, FRAME_MAX)
  const source = Buffer.from(`before${body}after`)
  const bodyBytes = Buffer.byteLength(body)
  const out = Buffer.alloc(frames.maxBytes(bodyBytes) + 10)
  const id = head.hasId ? { session: sessionBytes("abc"), sequence } : null
  const end = frames.write(out, 10, id, source, "before".length, bodyBytes)
  expect(end - 10).toBeLessThanOrEqual(frames.maxBytes(bodyBytes))
  return framesIn(out.subarray(10, end))
}

const text = (...parts: readonly (string | number)[]) =>
  parts
    .map((part) => (typeof part === "number" ? String.fromCharCode(part) : String.fromCharCode(part.length) + part))
    .join("")

describe("MessageFrames", () => {
  test("writes a method, a header and a body, each in a frame of its channel", () => {
    const frames = encode(HEAD, '{"a":"ü"}')
    expect(frames.map(({ type, channel }) => [type, channel])).toEqual([
      [1, 7],
      [2, 7],
      [3, 7],
    ])
    const [method, header, body] = frames
    expect(method?.payload.toString("latin1")).toBe(text(0, 60, 0, 40, 0, 0, "gateway", "MESSAGE_CREATE", 1))
    expect(header?.payload.subarray(0, 4)).toEqual(Buffer.from([0, 60, 0, 0]))
    expect(header?.payload.readBigUInt64BE(4)).toBe(10n)
    expect(header?.payload.subarray(14).toString("latin1")).toBe(text("application/json", 2, "120000", "abc:42"))
    expect(body?.payload.toString()).toBe('{"a":"ü"}')
  })

  test("writes large sequences exactly", () => {
    const [, header] = encode(HEAD, "{}", Number.MAX_SAFE_INTEGER)
    expect(header?.payload.toString("latin1")).toEndWith(text("abc:9007199254740991"))
  })

  test("splits a body at the largest frame", () => {
    for (const bytes of [FRAME_MAX - 8, FRAME_MAX - 7, 3 * FRAME_MAX]) {
      const text = "x".repeat(bytes)
      const [, , ...parts] = encode(HEAD, text)
      expect(parts.every(({ type, payload }) => type === 3 && payload.length <= FRAME_MAX - 8)).toBe(true)
      expect(Buffer.concat(parts.map(({ payload }) => payload)).toString()).toBe(text)
    }
  })

  test("writes no body frame for an empty body", () => {
    expect(encode(HEAD, "")).toHaveLength(2)
  })

  test("writes the properties of calls and replies in AMQP's order", () => {
    const head = { ...HEAD, mandatory: false, persistent: false, hasId: false, correlationId: "c", replyTo: "r" }
    const [method, header] = encode(head, "{}")
    expect(method?.payload.at(-1)).toBe(0)
    expect(header?.payload.readUInt16BE(12)).toBe(0b1000_0111_0000_0000)
    expect(header?.payload.subarray(14).toString("latin1")).toBe(text("application/json", "c", "r", "120000"))
  })
})

test("sessionBytes leaves room for the number in a short string", () => {
  expect(sessionBytes("é".repeat(300)).length + 16).toBeLessThanOrEqual(255)
})
