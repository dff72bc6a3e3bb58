// What a decoder holds for its caller: events to take, counts, the last sequence.

import { expect, test } from "bun:test"
import { RECORD_INTS } from "../../src/codec/batch.ts"
import type { Codec } from "../../src/codec/codec.ts"
import { concat, EVENTS, json, message, openDecoder, readRecords, takeAll, unpack } from "./codec-harness.ts"

export function outputContract(codec: Codec): void {
  test("counts every dispatch by name, and all other names together", () => {
    const decoder = openDecoder(codec)
    const names = ["MESSAGE_CREATE", "TYPING_START", "UNHEARD_OF", "MESSAGE_CREATE", "ALSO_NEW", 'A"é']
    for (const [index, name] of names.entries()) decoder.push(message(index + 1, { index }, name))
    decoder.push(json({ op: 11 }))
    expect([...decoder.counts()]).toEqual(
      EVENTS.map((name) => names.filter((other) => other === name).length).concat(2),
    )
    expect(decoder.counts()).toBeInstanceOf(Float64Array)
  })

  test("drops dispatches that nobody asked for, and their sequence still counts", () => {
    const decoder = openDecoder(codec)
    decoder.push(message(1, "kept"))
    decoder.push(message(2, "dropped", "TYPING_START"))
    decoder.push(message(3, "dropped", "UNHEARD_OF"))
    expect(decoder.pendingEvents()).toBe(1)
    expect(decoder.lastSequence()).toBe(3)
  })

  test("lays events back to back from the start of the array, with records that say which is which", () => {
    const decoder = openDecoder(codec)
    decoder.push(message(1, [1, 2]))
    decoder.push(message(2, "two", "GUILD_CREATE"))
    const bytes = new Uint8Array(decoder.pendingBytes() + 10).fill(0xaa)
    const records = new Int32Array(4 * RECORD_INTS).fill(-7)
    expect(decoder.pendingBytes()).toBe(3 + 4)
    expect(decoder.take(bytes, records)).toBe(2)
    expect([...records]).toEqual([2, 1, 0, 0, 3, 3, 2, 0, 3, 4, ...Array(2 * RECORD_INTS).fill(-7)])
    expect([...bytes]).toEqual([0x92, 1, 2, 0xa3, 0x74, 0x77, 0x6f, ...Array(10).fill(0xaa)])
    expect([decoder.pendingBytes(), decoder.pendingEvents()]).toEqual([0, 0])
    expect(decoder.take(bytes, records)).toBe(0)
  })

  test("gives whole events only, as many as fit both arrays, and forgets none", () => {
    const texts = Array.from({ length: 50 }, (_, index) => `${index}`.repeat((index * 7) % 40))
    for (const [bytesLength, recordCount] of [
      [100, 100],
      [10_000, 3],
      [85, 2],
    ] as const) {
      const decoder = openDecoder(codec)
      for (const [index, text] of texts.entries()) decoder.push(message(index + 1, text))
      const bytes = new Uint8Array(bytesLength)
      const records = new Int32Array(recordCount * RECORD_INTS + RECORD_INTS - 1)
      const taken: unknown[] = []
      while (decoder.pendingEvents() > 0) {
        const before = decoder.pendingBytes()
        const count = decoder.take(bytes, records)
        expect(count).toBeWithin(1, recordCount + 1)
        const events = readRecords(bytes, records, count)
        expect(before - decoder.pendingBytes()).toBe(events.reduce((sum, event) => sum + event.bytes.length, 0))
        taken.push(...events.map((event) => unpack(event.bytes)))
      }
      expect(taken).toEqual(texts)
    }
  })

  test("gives nothing when the first event is larger than the array", () => {
    const decoder = openDecoder(codec)
    decoder.push(message(1, "x".repeat(1_000)))
    expect(decoder.take(new Uint8Array(1_002), new Int32Array(RECORD_INTS))).toBe(0)
    expect(decoder.take(new Uint8Array(5_000), new Int32Array(RECORD_INTS - 1))).toBe(0)
    expect(decoder.pendingEvents()).toBe(1)
    expect(decoder.take(new Uint8Array(1_003), new Int32Array(RECORD_INTS))).toBe(1)
  })

  test("takes and decodes in turn without losing or repeating an event", () => {
    const decoder = openDecoder(codec)
    const bytes = new Uint8Array(700)
    const records = new Int32Array(5 * RECORD_INTS)
    const taken: number[] = []
    for (let sequence = 1; sequence <= 3_000; sequence++) {
      decoder.push(message(sequence, "x".repeat((sequence * 13) % 300)))
      if (sequence % 3 !== 0) continue
      const events = readRecords(bytes, records, decoder.take(bytes, records))
      taken.push(...events.map((event) => event.sequence))
      for (const event of events) expect(unpack(event.bytes)).toHaveLength((event.sequence * 13) % 300)
    }
    taken.push(...takeAll(decoder).map((event) => event.sequence))
    expect(taken).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1))
  })

  test("keeps waiting events, counts and the last sequence on reset", () => {
    const decoder = openDecoder(codec)
    decoder.push(message(5, "kept"))
    decoder.reset()
    expect([decoder.pendingEvents(), decoder.lastSequence(), decoder.counts()[2]]).toEqual([1, 5, 1])
    expect(takeAll(decoder).map(({ bytes }) => unpack(bytes))).toEqual(["kept"])
  })

  test("resume sets the last sequence", () => {
    const decoder = openDecoder(codec)
    expect(decoder.lastSequence()).toBe(0)
    decoder.resume("session", 2 ** 40)
    expect(decoder.lastSequence()).toBe(2 ** 40)
  })

  test("throws on any call after close", () => {
    const decoder = openDecoder(codec)
    decoder.push(message(1, "x"))
    decoder.close()
    const calls = [
      () => decoder.push(message(2, "x")),
      () => decoder.takeControl(),
      () => decoder.pendingBytes(),
      () => decoder.pendingEvents(),
      () => decoder.take(new Uint8Array(10), new Int32Array(10)),
      () => decoder.lastSequence(),
      () => decoder.resume("s", 1),
      () => decoder.setTime(1),
      () => decoder.counts(),
      () => decoder.reset(),
    ]
    for (const call of calls) expect(call).toThrow(/closed/)
    const encoder = codec.encoder("zlib")
    encoder.close()
    expect(() => encoder.encode(concat())).toThrow(/closed/)
  })

  test("an encoder's bytes belong to the caller", () => {
    for (const compression of ["none", "zlib", "zstd"] as const) {
      const encoder = codec.encoder(compression)
      const input = message(1, "same")
      const first = encoder.encode(input)
      const copy = first.slice()
      encoder.encode(message(2, "other"))
      input.fill(0)
      expect(first).toEqual(copy)
    }
  })
}
