// What a payload's outer object may look like, and what becomes of it: an event, a control packet or an error.

import { expect, test } from "bun:test"
import type { Codec } from "../../src/codec/codec.ts"
import { bytesOf, failure, json, message, openDecoder, takeAll, unpack } from "./codec-harness.ts"

const DISPATCHES: readonly (readonly [string, unknown])[] = [
  ['{"op":0,"s":1,"t":"MESSAGE_CREATE","d":{"a":1}}', { a: 1 }],
  ['{"d":{"a":1},"t":"MESSAGE_CREATE","s":1,"op":0}', { a: 1 }],
  ['{"t":"MESSAGE_CREATE","d":[1],"s":1,"op":0}', [1]],
  [' \t\r\n{ "op" : 0 , "s" : 1 , "t" : "MESSAGE_CREATE" , "d" : { "a" : [ 1 , 2 ] } } \n', { a: [1, 2] }],
  ['{"op":0,"s":1,"t":"MESSAGE_CREATE","d":"text","trace":[{"d":9,"op":1}],"x":null}', "text"],
  ['{"op":0,"s":1,"t":"MESSAGE_CREATE"}', null],
  ['{"op":0,"s":1,"t":"MESSAGE_CREATE","d":null}', null],
  ['{"op":0,"s":1,"t":"MESSAGE_CREATE","d":1,"d":2}', 2],
  ['{"op":0,"s":1,"t":"MESSAGE_CREATE","d":{"a":1},"\\u0064":"last"}', "last"],
  ['{"\\u006fp":0,"\\u0073":1,"\\u0074":"MESSAGE\\u005fCREATE","\\u0064":3}', 3],
  ['{"op":7,"s":9,"t":"NO","d":0,"op":0,"s":1,"t":"MESSAGE_CREATE","d":4}', 4],
  ['{"op":0,"s":9,"t":"MESSAGE_CREATE","d":5,"s":1}', 5],
  ['{"op":0,"s":1,"t":"TYPING_START","d":6,"t":"MESSAGE_CREATE"}', 6],
  ['{"op":0.0,"s":1e0,"t":"MESSAGE_CREATE","d":7}', 7],
  ['{"d":{"d":1,"op":2,"s":3,"t":"X"},"op":0,"s":1,"t":"MESSAGE_CREATE"}', { d: 1, op: 2, s: 3, t: "X" }],
]

const NO_PAYLOADS = [
  "[]",
  '[{"op":11}]',
  "null",
  '"text"',
  "12",
  "true",
  "{}",
  '{"d":1}',
  '{"op":"0"}',
  '{"op":null}',
  '{"op":1.5}',
  '{"op":[0]}',
  '{"op":0,"t":"MESSAGE_CREATE","d":1}',
  '{"op":0,"s":null,"t":"MESSAGE_CREATE","d":1}',
  '{"op":0,"s":-1,"t":"MESSAGE_CREATE","d":1}',
  '{"op":0,"s":1.5,"t":"MESSAGE_CREATE","d":1}',
  '{"op":0,"s":"1","t":"MESSAGE_CREATE","d":1}',
  '{"op":0,"s":9007199254740992,"t":"MESSAGE_CREATE","d":1}',
  '{"op":0,"s":1,"d":1}',
  '{"op":0,"s":1,"t":null,"d":1}',
  '{"op":0,"s":1,"t":7,"d":1}',
  '{"op":0,"s":1,"t":"MESSAGE_CREATE","d":1,"s":null}',
  '{"op":11,"s":"1"}',
  '{"op":11,"t":{}}',
  '{"op":0,"s":1,"t":"READY","d":{}}',
  '{"op":0,"s":1,"t":"READY","d":{"session_id":5}}',
  '{"op":0,"s":1,"t":"READY","d":null}',
]

const NO_JSON = ["garbage", "{'op':11}", '{"op":11,}', '{"op":011}', '{"op":+1}', '{"op":.5}', '{"op":1.}', '{"op":1e}']
  .concat('{"op":11,"d":NaN}', '{"op":11,"d":tru}', '{"op":11,"d":nul}', '{"op":11 "d":1}', '{"op"11}', "{op:11}", "}")
  .concat('{"op":11,"d":"\n"}', '{"op":11,"d":"\\x"}', '{"op":11,"d":"\\u12g4"}', '{"op":11]', '{"op":11,"d":[1,]}')
  .concat(
    '{"op":11,"d":[,1]}',
    '{"op":11,"d":{1:2}}',
    '\ufeff{"op":11}',
    '{"op":11,"d":1 2}',
    '{"op":11}{',
    '{"op":11}]',
  )
  .concat(
    '{"op":11,"d":-}',
    '{"op":11,"d":--1}',
    '{"op":11,"d":0x10}',
    '{"op":11,"d":1e+}',
    '{"op":11,"d":"\u0000"}',
    "\u0000",
  )
  .concat('{"op":11,\u00a0"d":1}', '{"op":11,"d":Infinity}', '/**/{"op":11}', '{"op":11,"d":[1}', '{"op":11,"d":{"a"}}')

export function envelopeContract(codec: Codec): void {
  for (const [text, d] of DISPATCHES) {
    test(`reads ${text}`, () => {
      const decoder = openDecoder(codec)
      expect(decoder.push(bytesOf(text))).toBe(0)
      expect(takeAll(decoder).map((event) => ({ ...event, bytes: unpack(event.bytes) }))).toEqual([
        { name: "MESSAGE_CREATE", sequence: 1, bytes: d },
      ])
      expect(decoder.lastSequence()).toBe(1)
    })
  }

  for (const text of NO_PAYLOADS) {
    test(`refuses ${text} as no payload`, () => {
      const decoder = openDecoder(codec)
      expect(failure(() => decoder.push(bytesOf(text)))).toBe("envelope")
      expect([decoder.pendingEvents(), decoder.lastSequence(), decoder.takeControl().length]).toEqual([0, 0, 0])
    })
  }

  for (const text of NO_JSON) {
    test(`refuses ${JSON.stringify(text)} as no JSON`, () => {
      const decoder = openDecoder(codec)
      const push = () => {
        decoder.push(bytesOf(text))
        decoder.push(json({ op: 11 }))
        decoder.push(json({ op: 11 }))
      }
      expect(failure(push)).toBe("json")
      expect(decoder.pendingEvents()).toBe(0)
    })
  }

  test("hands other opcodes to the protocol whole, with s and t as null", () => {
    const decoder = openDecoder(codec)
    expect(decoder.push(json({ op: 10, d: { heartbeat_interval: 41_250 }, s: 4, t: "NO" }))).toBe(1)
    expect(decoder.push(json({ t: null, s: null, op: 9, d: false }))).toBe(2)
    expect(decoder.push(json({ op: 11 }))).toBe(3)
    expect(decoder.takeControl()).toEqual([
      { op: 10, d: { heartbeat_interval: 41_250 }, s: null, t: null },
      { op: 9, d: false, s: null, t: null },
      { op: 11, d: null, s: null, t: null },
    ])
    expect(decoder.takeControl()).toEqual([])
    expect(decoder.lastSequence()).toBe(0)
    expect(decoder.pendingEvents()).toBe(0)
  })

  test("hands READY and RESUMED to the protocol too, and publishes the one that is wanted", () => {
    const decoder = openDecoder(codec)
    const ready = { session_id: "abc", guilds: [] }
    expect(decoder.push(message(1, ready, "READY"))).toBe(1)
    expect(decoder.push(message(2, {}, "RESUMED"))).toBe(2)
    expect(decoder.takeControl()).toEqual([
      { op: 0, d: ready, s: 1, t: "READY" },
      { op: 0, d: {}, s: 2, t: "RESUMED" },
    ])
    expect(takeAll(decoder).map(({ name }) => name)).toEqual(["READY"])
  })

  test("keeps sequences up to 2^53 - 1", () => {
    const decoder = openDecoder(codec)
    const sequences = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER]
    for (const sequence of sequences) {
      decoder.push(message(sequence, null))
      expect(decoder.lastSequence()).toBe(sequence)
    }
    expect(takeAll(decoder).map(({ sequence }) => sequence)).toEqual(sequences)
  })
}
