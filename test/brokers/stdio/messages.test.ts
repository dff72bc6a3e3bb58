import { describe, expect, test } from "bun:test"
import { encodeBody } from "../../../src/brokers/body.ts"
import { MessageParser, type Parsed } from "../../../src/brokers/stdio/messages.ts"

const SEND = { event: "SEND", data: { guild_id: "81384788765712384", packet: { op: 4, d: { text: "\n{ü" } } } }
const ZERO = { event: "0", data: { op: 3, d: [[], {}, null, -1.5, "x".repeat(40)] } }
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const map = (value: unknown) => Buffer.from(encodeBody("msgpack", value))

const parse = (chunks: readonly Uint8Array[], maxBytes?: number): Parsed[] => {
  const parser = new MessageParser(maxBytes)
  const parsed = chunks.flatMap((chunk) => [...parser.push(chunk)])
  const end = parser.end()
  return end === null ? parsed : [...parsed, end]
}

/** Messages as they are, refusals as the clause that says why. */
const read = (input: string | Uint8Array, maxBytes?: number): unknown[] =>
  parse([Buffer.from(input)], maxBytes).map((parsed) =>
    parsed.type === "message" ? { event: parsed.event, data: parsed.data } : parsed.reason,
  )

describe("reads", () => {
  test.each([
    ["a JSON object", json(SEND), [SEND]],
    ["a MessagePack map", map(SEND), [SEND]],
    ["JSON objects back to back", Buffer.concat([json(SEND), json(ZERO)]), [SEND, ZERO]],
    ["MessagePack maps back to back", Buffer.concat([map(SEND), map(ZERO)]), [SEND, ZERO]],
    ["both, mixed", Buffer.concat([map(SEND), json(ZERO), map(ZERO), json(SEND)]), [SEND, ZERO, ZERO, SEND]],
    ["lines, Unix and DOS", Buffer.from(`\n\r\n${json(SEND)}\r\n\n ${json(ZERO)}\t\n`), [SEND, ZERO]],
    ["a newline after a MessagePack map", Buffer.concat([map(SEND), Buffer.from("\n"), map(ZERO)]), [SEND, ZERO]],
    ["JSON printed over many lines", Buffer.from(JSON.stringify([SEND], null, 2).slice(1, -1)), [SEND]],
    [
      "an object in an array at the start of a line",
      Buffer.from('{"event":"0","data":[\n{\n},\n{}]}'),
      [{ event: "0", data: [{}, {}] }],
    ],
    [
      "an object as a value at the start of a line",
      Buffer.from('{"event":"0","data":\n{}}'),
      [{ event: "0", data: {} }],
    ],
    ["a map 16 and a map 32", Buffer.concat([map16(SEND), map32(ZERO)]), [SEND, ZERO]],
    ["keys in any order, and others beside them", json({ data: 1, more: 2, event: "0" }), [{ event: "0", data: 1 }]],
    ["data that is null", json({ event: "0", data: null }), [{ event: "0", data: null }]],
    ["nothing", Buffer.from(" \n\n"), []],
  ])("%s", (_, input, messages) => {
    expect(read(input)).toEqual(messages)
  })
})

describe("refuses and goes on", () => {
  const cannot = (clause: string) => `Cannot read a message from standard input: ${clause}.`

  test.each([
    [
      "a line of text",
      "hello\n",
      cannot("it starts with the byte 0x68, and a JSON object or a MessagePack map is wanted"),
    ],
    [
      "a JSON array",
      "[1,2]\n",
      cannot("it starts with the byte 0x5b, and a JSON object or a MessagePack map is wanted"),
    ],
    ["broken JSON", '{"event":"0",}\n', expect.stringContaining("Cannot decode a JSON body: ")],
    [
      "invalid UTF-8 in JSON",
      Buffer.from('{"event":"\xff","data":1}\n', "latin1"),
      expect.stringContaining("JSON body"),
    ],
    ["an object that was never finished", '{"event":"0","data":1\n', cannot("it was not finished before the next one")],
    ["a string that was never finished", '{"event":"0\n', cannot("a line ends within a string")],
    ["brackets that do not match", '{"event":"0","data":[}}\n', cannot("a bracket closes that was not open")],
    ["two values in a row", '{"event":"0" {}}\n', cannot("a bracket opens where no value may begin")],
    ["deep nesting", `{"event":"0","data":${"[".repeat(300)}\n`, cannot("it is nested deeper than 256")],
    ["an object without an event", '{"data":1}', cannot("it has no event, which must be a string")],
    ["an event that is a number", '{"event":3,"data":1}', cannot("it has no event, which must be a string")],
    ["an object without data", '{"event":"0"}', cannot("it has no data (event 0)")],
    ["a MessagePack map without an event", map({ data: 1 }), cannot("it has no event, which must be a string")],
    [
      "MessagePack with a string for a key that is none",
      Buffer.from([0x81, 0x01, 0x02]),
      cannot("it has no event, which must be a string"),
    ],
    ["a MessagePack array before JSON", Buffer.from("\x92\x01\x02\n", "latin1"), expect.stringContaining("0x92")],
    [
      "a reserved MessagePack byte",
      Buffer.from("\x82\xa5event\xc1\n", "latin1"),
      cannot("the byte 0xc1 is no MessagePack format"),
    ],
    [
      "a MessagePack string of 4 GB",
      Buffer.from("\x81\xdb\xff\xff\xff\xff\n", "latin1"),
      cannot("it is longer than 1048576 bytes"),
    ],
  ])("%s", (_, bad, reason) => {
    expect(
      read(Buffer.concat([json(SEND), Buffer.from("\n"), Buffer.from(bad), json(ZERO), Buffer.from("\n"), map(SEND)])),
    ).toEqual([SEND, reason, ZERO, SEND])
  })

  test("finds the next map after MessagePack whose end cannot be known", () => {
    const broken = Buffer.from([0x82, 0xa1, 0x61, 0xc1, 0x00, 0x0a, 0x7f])
    expect(read(Buffer.concat([broken, map(SEND), map16(ZERO), json(SEND)]))).toEqual([
      expect.any(String),
      SEND,
      ZERO,
      SEND,
    ])
  })

  test("finds that map when it is split", () => {
    const parsed = parse(
      [...Buffer.concat([Buffer.from([0x81, 0xc1]), map16(ZERO)])].map((byte) => Buffer.from([byte])),
    )
    expect(parsed.map(({ type }) => type)).toEqual(["refused", "message"])
  })

  test("a message past the size bound, in text and in MessagePack", () => {
    const large = { event: "0", data: "x".repeat(200) }
    const reason = cannot("it is longer than 100 bytes")
    expect(read(Buffer.concat([json(large), Buffer.from("\n"), json({ event: "0", data: 1 })]), 100)).toEqual([
      reason,
      { event: "0", data: 1 },
    ])
    expect(read(Buffer.concat([map(large), map({ event: "0", data: 1 })]), 100)).toEqual([
      reason,
      { event: "0", data: 1 },
    ])
  })

  test("a message past the size bound that never ends, without keeping it", () => {
    const parser = new MessageParser(100)
    const refusals = Array.from({ length: 1_000 }, () => [
      ...parser.push(Buffer.from(`{"event":${" ".repeat(90)}`)),
    ]).flat()
    expect(refusals).toHaveLength(1)
  })

  test("a message that the end of the input cuts", () => {
    expect(read('{"event":"0"')).toEqual([cannot("the input ended in the middle of it")])
    expect(read(map(SEND).subarray(0, 9))).toEqual([cannot("the input ended in the middle of it")])
    expect(read("")).toEqual([])
  })
})

describe("in pieces", () => {
  const stream = Buffer.concat([
    map(SEND),
    json(ZERO),
    Buffer.from("\n garbage\n"),
    map16(ZERO),
    Buffer.from("\n"),
    json(SEND),
  ])
  const whole = parse([stream])

  test("reads the same however the bytes are split in two", () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      expect(parse([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(whole)
    }
  })

  test("reads the same byte by byte", () => {
    expect(parse([...stream].map((byte) => Buffer.from([byte])))).toEqual(whole)
  })
})

describe("fuzz (seeded)", () => {
  test("never throws on garbage, and reads the same however it is split", () => {
    const random = generator(20260801)
    for (let round = 0; round < 400; round += 1) {
      const input = garbage(random)
      const whole = parse([input], 4_096)
      expect(parse(splitAtRandom(input, random), 4_096)).toEqual(whole)
    }
  })

  test("reads every message of a mixed stream back, however it is printed and split", () => {
    const random = generator(99)
    const indents = [undefined, 1, 2, "\t"]
    for (let round = 0; round < 200; round += 1) {
      const messages = Array.from({ length: 1 + random(5) }, () => ({ event: "0", data: randomValue(random, 0) }))
      const written = messages.map((message) =>
        random(2) === 0
          ? map(message)
          : Buffer.from(
              `${JSON.stringify(message, null, indents[random(indents.length)])}${random(2) === 0 ? "\n" : ""}`,
            ),
      )
      const parsed = parse(splitAtRandom(Buffer.concat(written), random))
      expect(parsed).toEqual(messages.map((message) => ({ type: "message", ...message })))
    }
  })

  test("always comes back to the next message after a line of garbage", () => {
    const random = generator(7)
    for (let round = 0; round < 400; round += 1) {
      const text = Buffer.from(Array.from({ length: random(60) }, () => 0x21 + random(0x5e)))
      const parsed = read(Buffer.concat([text, Buffer.from("\n"), json(ZERO), Buffer.from("\n")]))
      expect(parsed.at(-1)).toEqual(ZERO)
    }
  })
})

function randomValue(random: (below: number) => number, depth: number): unknown {
  const values = [
    null,
    true,
    random(1_000_000) - 500_000,
    random(1_000) / 7,
    '{"\\\n}[',
    "\u0082ü😀".repeat(random(20)),
  ]
  if (depth > 4 || random(2) === 0) return values[random(values.length)]
  const within = Array.from({ length: random(8) }, () => randomValue(random, depth + 1))
  return random(2) === 0 ? within : Object.fromEntries(within.map((value, index) => [`key ${index}\n{`, value]))
}

/** Pieces of real messages, random bytes and separators, in any order. */
function garbage(random: (below: number) => number): Buffer {
  const pieces = Array.from({ length: 1 + random(8) }, () => {
    const source =
      [map(SEND), json(ZERO), map16(SEND), Buffer.from("\n"), Buffer.from("\n{")][random(5)] ?? Buffer.alloc(0)
    const kind = random(4)
    if (kind === 0) return Buffer.from(Array.from({ length: random(40) }, () => random(256)))
    if (kind === 1) return source.subarray(random(source.length), random(source.length + 1))
    if (kind === 2) return flipped(source, random)
    return source
  })
  return Buffer.concat(pieces)
}

function flipped(source: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(source)
  copy[random(copy.length)] = random(256)
  return copy
}

function splitAtRandom(input: Buffer, random: (below: number) => number): Buffer[] {
  const chunks: Buffer[] = []
  for (let start = 0; start < input.length; ) {
    const end = Math.min(input.length, start + 1 + random(20))
    chunks.push(input.subarray(start, end))
    start = end
  }
  return chunks
}

/** A small seeded generator (mulberry32): integers from 0 to below. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

function map16(value: object): Buffer {
  const encoded = map(value)
  return Buffer.concat([Buffer.from([0xde, 0x00, (encoded[0] ?? 0) & 0x0f]), encoded.subarray(1)])
}

function map32(value: object): Buffer {
  const encoded = map(value)
  return Buffer.concat([Buffer.from([0xdf, 0, 0, 0, (encoded[0] ?? 0) & 0x0f]), encoded.subarray(1)])
}
