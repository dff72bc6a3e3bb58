// The face of the native decoder: what crosses the border. What it decodes is tested in native/tests, and against the
// portable decoder in the differential test.

import { describe, expect, test } from "bun:test"
import { unpack } from "msgpackr"
import type { Codec } from "../../../src/codec/codec.ts"
import { DEFAULT_DECODER_LIMITS, DecodeError, type DecoderOptions } from "../../../src/codec/decoder.ts"
import { loadNative } from "../../../src/codec/native/load.ts"

const native = loaded()

function loaded(): Codec | undefined {
  try {
    return loadNative()
  } catch {
    // No cargo here: the portable codec is what runs.
    return undefined
  }
}

const utf8 = new TextEncoder()
const OPTIONS: DecoderOptions = {
  compression: "none",
  encoding: { body: "msgpack", framing: { type: "bare" } },
  events: ["READY", "MESSAGE_CREATE", "TYPING_START"],
  wanted: new Set(["MESSAGE_CREATE"]),
  shard: 1,
  limits: DEFAULT_DECODER_LIMITS,
}

function decoder(changes: Partial<DecoderOptions> = {}) {
  if (native === undefined) throw new Error("The native codec is not built.")
  return native.decoder({ ...OPTIONS, ...changes })
}

function dispatch(t: string, s: number, d: unknown): Uint8Array {
  return utf8.encode(JSON.stringify({ t, s, op: 0, d }))
}

describe.skipIf(native === undefined)("native decoder", () => {
  test("says which version and kernel runs", () => {
    expect(native?.description).toMatch(/^native \d+\.\d+\.\d+ \((sse2|swar)\)$/)
  })

  for (const compression of ["none", "zlib", "zstd"] as const) {
    test(`gives events back that went in as ${compression}`, () => {
      const encoder = native?.encoder(compression)
      const open = decoder({ compression })
      const bytes = new Uint8Array(1024)
      const records = new Int32Array(50)
      for (let sequence = 1; sequence <= 200; sequence++) {
        const d = { id: String(sequence), content: "å".repeat(sequence % 40) }
        const frame = encoder?.encode(dispatch("MESSAGE_CREATE", sequence, d)) ?? new Uint8Array()
        expect(open.push(frame)).toBe(0)
        expect(open.pendingEvents()).toBe(1)
        expect(open.take(bytes, records)).toBe(1)
        const [event, low, high, offset, length = 0] = records
        expect([event, low, high, offset]).toEqual([1, sequence, 0, 0])
        expect(unpack(bytes.subarray(0, length))).toEqual(d)
        expect([open.pendingEvents(), open.pendingBytes()]).toEqual([0, 0])
      }
      expect(open.lastSequence()).toBe(200)
      encoder?.close()
      open.close()
    })
  }

  test("keeps what waits in step with partial takes, control packets and resets", () => {
    const open = decoder()
    open.push(dispatch("MESSAGE_CREATE", 1, [1]))
    open.push(utf8.encode('{"op":11}'))
    open.push(dispatch("MESSAGE_CREATE", 2, [1, 2]))
    open.push(dispatch("MESSAGE_CREATE", 3, [1, 2, 3]))
    open.takeControl()
    expect([open.pendingEvents(), open.pendingBytes()]).toEqual([3, 9])
    expect(open.take(new Uint8Array(5), new Int32Array(50))).toBe(2)
    expect([open.pendingEvents(), open.pendingBytes()]).toEqual([1, 4])
    expect(open.take(new Uint8Array(3), new Int32Array(50))).toBe(0)
    open.reset()
    expect([open.pendingEvents(), open.pendingBytes()]).toEqual([1, 4])
    expect(open.take(new Uint8Array(4), new Int32Array(5))).toBe(1)
    expect([open.pendingEvents(), open.pendingBytes()]).toEqual([0, 0])
  })

  test("hands control packets over whole, with s and t only in dispatches", () => {
    const open = decoder()
    expect(open.push(utf8.encode('{"op":10,"s":1,"t":"x","d":{"heartbeat_interval":41250}}'))).toBe(1)
    expect(open.push(dispatch("READY", 1, { session_id: "abc", big: "\ud83d" }))).toBe(2)
    expect(open.push(utf8.encode('{"op":7}'))).toBe(3)
    expect(open.takeControl()).toEqual([
      { op: 10, d: { heartbeat_interval: 41250 }, s: null, t: null },
      { op: 0, d: { session_id: "abc", big: "\ud83d" }, s: 1, t: "READY" },
      { op: 7, d: null, s: null, t: null },
    ])
    expect(open.takeControl()).toEqual([])
    expect(open.push(dispatch("TYPING_START", 2, {}))).toBe(0)
    expect([...open.counts()]).toEqual([1, 0, 1, 0])
  })

  test("throws failures by kind, again until it is reset, and keeps the events before them", () => {
    const open = decoder()
    const kinds = [
      ["json", "{]"],
      ["envelope", "[]"],
      ["limit", `{"d":${"[".repeat(300)}`],
    ] as const
    for (const [kind, text] of kinds) {
      const frame = utf8.encode(`{"t":"MESSAGE_CREATE","s":1,"op":0,"d":0}${text}`)
      for (const again of [frame, utf8.encode('{"op":11}')]) {
        const failure = thrown(() => open.push(again))
        expect(failure).toBeInstanceOf(DecodeError)
        expect(failure).toMatchObject({ kind })
      }
      open.reset()
    }
    expect(thrown(() => decoder({ compression: "zlib" }).push(utf8.encode("no zlib")))).toMatchObject({
      kind: "transport",
    })
    expect(open.pendingEvents()).toBe(3)
  })

  test("leaves the frame to its owner", () => {
    const open = decoder()
    const frame = dispatch("MESSAGE_CREATE", 1, "kept")
    open.push(frame.subarray(0, 20))
    const rest = frame.slice(20)
    frame.fill(0)
    open.push(rest)
    rest.fill(0)
    const bytes = new Uint8Array(10)
    open.take(bytes, new Int32Array(5))
    expect(unpack(bytes.subarray(0, 5))).toBe("kept")
  })

  test("throws on any call once it is closed", () => {
    const open = decoder()
    open.push(dispatch("MESSAGE_CREATE", 1, 1))
    open.close()
    const calls = [
      () => open.push(new Uint8Array()),
      () => open.takeControl(),
      () => open.pendingBytes(),
      () => open.pendingEvents(),
      () => open.take(new Uint8Array(9), new Int32Array(9)),
      () => open.lastSequence(),
      () => open.resume("a", 1),
      () => open.setTime(1),
      () => open.counts(),
      () => open.reset(),
      () => open.close(),
    ]
    for (const call of calls) expect(call).toThrow("closed")
    const encoder = native?.encoder("zlib")
    encoder?.close()
    expect(() => encoder?.encode(new Uint8Array(1))).toThrow("closed")
  })

  test("refuses arguments of the wrong type without harm", () => {
    const open = decoder()
    const untyped = open as unknown as Record<string, (...args: unknown[]) => unknown>
    expect(() => untyped["push"]?.("text")).toThrow()
    expect(() => untyped["push"]?.()).toThrow()
    expect(() => untyped["take"]?.(new Int32Array(1), new Uint8Array(1))).toThrow()
    expect(open.push(dispatch("MESSAGE_CREATE", 1, 1))).toBe(0)
  })

  test("survives workers that start and stop with it", async () => {
    for (let n = 0; n < 3; n++) {
      const worker = new Worker(new URL("../../fixtures/native-worker.ts", import.meta.url).href)
      const events = await new Promise((resolve) => {
        worker.onmessage = (message) => resolve(message.data)
      })
      worker.terminate()
      expect(events).toBe(1)
    }
  })
})

function thrown(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}
