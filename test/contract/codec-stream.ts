// From a connection's bytes to whole payloads, however the bytes are cut; and what must happen when they are broken.

import { expect, test } from "bun:test"
import type { Codec } from "../../src/codec/codec.ts"
import { bytesOf, type Compression, concat, failure, message, openDecoder, takeAll, unpack } from "./codec-harness.ts"

const CONTENTS = ["first", "", 'wörld 😀 \\ "quoted" }{][', "x".repeat(500), "first", "last"]
const LARGE_BYTES = 3 * 1024 * 1024
/** More packets than it can take for a cut payload to be noticed. */
const FRAMES_AFTER_CUT = 4

export function streamContract(codec: Codec, compression: Compression): void {
  const open = () => openDecoder(codec, { compression })
  const encodeAll = (payloads: readonly Uint8Array[]) => {
    const encoder = codec.encoder(compression)
    const frames = payloads.map((payload) => encoder.encode(payload))
    encoder.close()
    return frames
  }
  const contents = (decoder: ReturnType<typeof open>) => takeAll(decoder).map(({ bytes }) => unpack(bytes))
  const frames = encodeAll(CONTENTS.map((content, index) => message(index + 1, content)))
  const stream = concat(...frames)

  test("decodes one payload from each frame", () => {
    const decoder = open()
    for (const [index, frame] of frames.entries()) {
      expect(decoder.push(frame)).toBe(0)
      expect(decoder.pendingEvents()).toBe(index + 1)
    }
    expect(contents(decoder)).toEqual(CONTENTS)
    expect(decoder.lastSequence()).toBe(CONTENTS.length)
  })

  test("decodes several payloads from one frame", () => {
    const decoder = open()
    decoder.push(stream)
    expect(contents(decoder)).toEqual(CONTENTS)
  })

  test("#19 decodes payloads split in two frames at every position, a zlib marker too", () => {
    const decoder = open()
    for (let cut = 0; cut <= stream.length; cut++) {
      decoder.push(stream.subarray(0, cut))
      decoder.push(stream.subarray(cut))
      expect(contents(decoder)).toEqual(CONTENTS)
      decoder.reset()
    }
  })

  test("decodes a stream that arrives byte by byte", () => {
    const decoder = open()
    for (let at = 0; at < stream.length; at++) decoder.push(stream.subarray(at, at + 1))
    expect(contents(decoder)).toEqual(CONTENTS)
  })

  test("ignores empty frames", () => {
    const decoder = open()
    const nothing = new Uint8Array(0)
    decoder.push(nothing)
    for (const frame of frames) {
      decoder.push(frame.subarray(0, 7))
      decoder.push(nothing)
      decoder.push(frame.subarray(7))
    }
    expect(contents(decoder)).toEqual(CONTENTS)
  })

  test("keeps nothing of a frame once push has returned", () => {
    const decoder = open()
    const reused = new Uint8Array(stream.length)
    for (const piece of frames.flatMap((frame) => [frame.subarray(0, 9), frame.subarray(9)])) {
      reused.set(piece)
      decoder.push(reused.subarray(0, piece.length))
      reused.fill(0xff)
    }
    expect(contents(decoder)).toEqual(CONTENTS)
  })

  test("#18 decodes a payload of 3 MB, whole or in small frames", () => {
    const text = largeText()
    const [before, large, after] = encodeAll([message(1, "before"), message(2, text), message(3, "after")])
    const decoder = open()
    decoder.push(before ?? stream)
    decoder.push(large ?? stream)
    decoder.push(after ?? stream)
    expect(contents(decoder)).toEqual(["before", text, "after"])

    decoder.reset()
    const all = concat(before ?? stream, large ?? stream, after ?? stream)
    const frameBytes = 16 * 1024 - 1
    for (let at = 0; at < all.length; at += frameBytes) decoder.push(all.subarray(at, at + frameBytes))
    expect(contents(decoder)).toEqual(["before", text, "after"])
  })

  test("#12 #20 refuses garbage, keeps the events before it, and works again after reset", () => {
    const decoder = open()
    decoder.push(frames[0] ?? stream)
    expect(failure(() => decoder.push(bytesOf("garbage, garbage, garbage, garbage")))).toBeString()
    expect(contents(decoder)).toEqual([CONTENTS[0]])

    decoder.reset()
    for (const frame of frames) decoder.push(frame)
    expect(contents(decoder)).toEqual(CONTENTS)
  })

  test("#20 refuses every frame after a broken one until reset", () => {
    const decoder = open()
    decoder.push(frames[0] ?? stream)
    expect(failure(() => decoder.push(new Uint8Array(40).fill(0xff)))).toBeString()
    for (const frame of frames.slice(1)) expect(failure(() => decoder.push(frame))).toBeString()
    expect(decoder.pendingEvents()).toBe(1)
    expect(decoder.lastSequence()).toBe(1)
  })

  test("#12 notices a payload that was cut short within a few frames, and never takes it for an event", () => {
    const payload = message(1, { id: "1", list: [1, true, null], text: 'a \\" b' })
    for (let length = 1; length < payload.length; length++) {
      const decoder = open()
      const cut = encodeAll([
        payload.subarray(0, length),
        ...Array.from({ length: FRAMES_AFTER_CUT }, (_, index) => message(index + 2, "next")),
      ])
      expect(failure(() => cut.forEach((frame) => void decoder.push(frame)))).toBe("json")
      expect(decoder.pendingEvents()).toBe(0)
      decoder.close()
    }
  })

  test("#12 refuses invalid UTF-8", () => {
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
      const text = concat(bytesOf('{"op":0,"s":1,"t":"MESSAGE_CREATE","d":"'), Uint8Array.from(bytes), bytesOf('"}'))
      const decoder = open()
      expect(failure(() => encodeAll([text]).forEach((frame) => void decoder.push(frame)))).toBe("json")
      expect(decoder.pendingEvents()).toBe(0)
    }
  })

  test("forgets a half payload and the history on reset", () => {
    const decoder = open()
    decoder.push(stream.subarray(0, stream.length - 10))
    takeAll(decoder)
    decoder.reset()
    decoder.push(stream)
    expect(contents(decoder)).toEqual(CONTENTS)
  })

  test("decodes a history of many windows", () => {
    const random = lettersFrom(7)
    const texts = Array.from({ length: 400 }, (_, index) => random(index % 3 === 0 ? 40_000 : 300))
    const decoder = open()
    for (const frame of encodeAll(texts.map((text, index) => message(index + 1, text)))) decoder.push(frame)
    expect(contents(decoder)).toEqual(texts)
  })
}

/** Text that neither compresses to nothing nor not at all. */
function largeText(): string {
  const random = lettersFrom(11)
  const words = Array.from({ length: 512 }, () => random(24))
  let text = ""
  for (let i = 0; text.length < LARGE_BYTES; i++) text += `${words[(i * i) % words.length]} ${i} `
  return text
}

function lettersFrom(seed: number): (count: number) => string {
  let state = seed
  return (count) => {
    let text = ""
    while (text.length < count) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      text += state.toString(36)
    }
    return text.slice(0, count)
  }
}
