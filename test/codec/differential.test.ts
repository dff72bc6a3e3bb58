// The native and the portable codec against JSON.parse and against each other: on realistic events, on a table of edge
// cases, and on seeded mutations of both. What JSON.parse rejects is rejected, and every value accepted is the same.

import { describe, expect, test } from "bun:test"
import type { Codec } from "../../src/codec/codec.ts"
import { portableCodec } from "../../src/codec/portable/codec.ts"
import { corpus } from "../../src/simulator/corpus/corpus.ts"
import { type Random, seededRandom } from "../../src/simulator/corpus/random.ts"
import {
  bytesOf,
  concat,
  failure,
  openDecoder,
  parsed,
  takeAll,
  unpack,
  withoutPrototypes,
} from "../contract/codec-harness.ts"
import { nativeOrSkip } from "../contract/codec-native.ts"
import { EXACT, HEAD, REJECTED, VALUES } from "../contract/codec-values.ts"

const native = nativeOrSkip()
const codecs: readonly Codec[] = native === undefined ? [portableCodec()] : [portableCodec(), native]
const MUTATIONS = 10_000

/** The value that a payload's `d` was decoded to, or how it was refused. */
function decode(codec: Codec, payload: Uint8Array): { readonly value: unknown } | "refused" {
  const { refused, events } = outcome(codec, payload)
  return refused && events.length === 0 ? "refused" : { value: events[0]?.value }
}

/** Everything that can be seen of what a payload did. */
function outcome(codec: Codec, payload: Uint8Array) {
  const decoder = openDecoder(codec)
  // What could still go on is refused with what follows it, at the latest when that is larger than all before.
  const followers = [2, 8, 32].map((times) => bytesOf(`{"op":11,"d":"${"x".repeat(times * payload.length)}"}`))
  const refused =
    failure(() => {
      decoder.push(payload)
      for (const follower of followers) decoder.push(follower)
    }) !== undefined
  const events = takeAll(decoder).map(({ name, sequence, bytes }) => ({ name, sequence, value: unpack(bytes) }))
  const controls = decoder.takeControl().slice(0, refused ? undefined : -followers.length)
  const state = { counts: [...decoder.counts()], last: decoder.lastSequence() }
  decoder.close()
  return { refused, events, controls: controls.map(withoutPrototypes), ...state }
}

describe.each(codecs.map((codec) => [codec.name, codec] as const))("%s codec", (_name, codec) => {
  test("decodes every value of the table as JSON.parse does", () => {
    for (const text of VALUES) {
      for (const payload of [`${HEAD}${text}}`, `{"d":${text},"op":0,"s":1,"t":"MESSAGE_CREATE"}`]) {
        const result = decode(codec, bytesOf(payload))
        const expected = { value: parsed(text) }
        // Strict and quick; `expect` only to show what differs.
        if (!Bun.deepEquals(result, expected, true)) expect({ payload, result }).toEqual({ payload, result: expected })
      }
    }
  })

  test("keeps -0 a float and 2^53 exact", () => {
    expect(decode(codec, bytesOf(`${HEAD}[-0,0]}`))).toEqual({ value: [-0, 0] })
    for (const [text, value] of EXACT) {
      expect(decode(codec, bytesOf(`${HEAD}[${text},{"a":${text}}]}`))).toEqual({ value: [value, parsedMap(value)] })
      expect(decode(codec, bytesOf(`${HEAD} \n${text}}`))).toEqual({ value })
    }
  })

  test("rejects what JSON.parse rejects", () => {
    for (const text of REJECTED) {
      const payload = `${HEAD}${text}}`
      expect(() => JSON.parse(payload)).toThrow()
      expect([text, decode(codec, bytesOf(payload))]).toEqual([text, "refused"])
    }
  })

  test("rejects every payload that is cut short", () => {
    const payload = bytesOf(`${HEAD}{"a":[1,-2.5e3,true,null],"b":"x\\u0041\\n😀"}}`)
    for (let length = 1; length < payload.length; length++) {
      expect([length, decode(codec, payload.subarray(0, length))]).toEqual([length, "refused"])
    }
  })

  test("decodes realistic events as JSON.parse does", () => {
    const decoder = openDecoder(codec)
    let sequence = 0
    for (const { d } of corpus({ seed: 5, count: 2_000 })) {
      decoder.push(bytesOf(JSON.stringify({ t: "MESSAGE_CREATE", s: ++sequence, op: 0, d })))
      const [event] = takeAll(decoder)
      expect(unpack(event?.bytes ?? bytesOf(""))).toEqual(withoutPrototypes(d))
    }
  })
})

describe.skipIf(native === undefined)("native against portable", () => {
  test("agree on mutated payloads, and with JSON.parse on what is JSON", () => {
    const portable = portableCodec()
    const random = seededRandom(2024, "codec mutations")
    const seeds = [
      ...[...corpus({ seed: 9, count: 60 })].map(({ d }) => bytesOf(`${HEAD}${JSON.stringify(d)}}`)),
      ...VALUES.filter((text) => text.length < 400).map((text) => bytesOf(`${HEAD}${text}}`)),
      ...EXACT.map(([text]) => bytesOf(`${HEAD}${text}}`)),
      ...['{"op":10,"d":{"heartbeat_interval":41250}}', '{"op":11}', '{"t":null,"s":null,"op":9,"d":true}'].map(
        bytesOf,
      ),
    ].filter((payload) => payload.length < 4_000)
    let accepted = 0
    for (let round = 0; round < MUTATIONS; round++) {
      let payload = random.pick(seeds)
      for (let times = random.between(1, 3); times > 0; times--) payload = mutate(payload, random)
      const ours = outcome(portable, payload)
      const theirs = native === undefined ? ours : outcome(native, payload)
      const input = latin1(payload)
      if (!Bun.deepEquals(ours, theirs, true)) expect({ input, ...theirs }).toEqual({ input, ...ours })
      if (ours.refused) continue
      accepted++
      if (!isJson(payload)) expect<unknown>({ input, refused: ours.refused }).toEqual({ input, refused: true })
    }
    expect(accepted).toBeWithin(MUTATIONS / 20, MUTATIONS)
  }, 30_000)
})

/** Whether this is one JSON value or several in a row. */
function isJson(payload: Uint8Array): boolean {
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload)
  } catch {
    return false
  }
  let start = 0
  for (let end = 1; end <= text.length; end++) {
    const closes = text[end - 1] === "}" || end === text.length
    if (closes && parses(text.slice(start, end))) start = end
  }
  return text.slice(start).trim() === ""
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const STRUCTURE = bytesOf('{}[]:,"\\ \n\t-+.eE0123456789truefalsenull/u')

function mutate(payload: Uint8Array, random: Random): Uint8Array {
  const at = random.below(payload.length + 1)
  const until = Math.min(payload.length, at + random.between(1, 8))
  const before = payload.subarray(0, at)
  switch (random.below(7)) {
    case 0: // one bit
      return payload.map((byte, index) => (index === at ? byte ^ (1 << random.below(8)) : byte))
    case 1: // one byte, often of JSON's own
      return concat(
        before,
        Uint8Array.of(random.chance(0.8) ? random.pick([...STRUCTURE]) : random.below(256)),
        payload.subarray(at + 1),
      )
    case 2:
      return concat(before, Uint8Array.of(random.pick([...STRUCTURE])), payload.subarray(at))
    case 3:
      return concat(before, payload.subarray(until))
    case 4: // a piece twice
      return concat(payload.subarray(0, until), payload.subarray(at))
    case 5:
      return random.chance(0.3) ? before : concat(before, bytesOf(random.pick(REJECTED)), payload.subarray(at))
    default:
      return concat(before, bytesOf(random.pick(VALUES.slice(0, 60))), payload.subarray(until))
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1")
}

function parsedMap(value: number | bigint): unknown {
  return Object.assign(Object.create(null), { a: value })
}
