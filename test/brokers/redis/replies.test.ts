// Replies counted from a stream that is cut anywhere, held against a parser that sees all of it at once.

import { describe, expect, test } from "bun:test"
import { ReplyParser, ReplyProtocolError } from "../../../src/brokers/redis/replies.ts"
import { seededRandom } from "../../../src/simulator/corpus/random.ts"

type Seen = readonly (string | { readonly error: string; readonly element: number })[]

function parse(...pieces: readonly Uint8Array[]): Seen {
  const seen: (string | { readonly error: string; readonly element: number })[] = []
  const parser = new ReplyParser({
    reply: () => seen.push("reply"),
    error: (error, element) => seen.push({ error, element }),
  })
  for (const piece of pieces) parser.push(piece)
  return seen
}

const bytes = (text: string) => Buffer.from(text, "latin1")

describe("a reply parser", () => {
  test.each([
    ["a simple string", "+OK\r\n", ["reply"]],
    ["an integer", ":-12\r\n", ["reply"]],
    ["an entry's id", "$15\r\n1700000000000-0\r\n", ["reply"]],
    ["an empty string", "$0\r\n\r\n", ["reply"]],
    ["null", "$-1\r\n", ["reply"]],
    ["an aborted transaction", "*-1\r\n", ["reply"]],
    ["an empty array", "*0\r\n", ["reply"]],
    ["what EXEC returns", "*2\r\n$3\r\n1-0\r\n$3\r\n1-1\r\n", ["reply"]],
    ["arrays in an array", "*2\r\n*1\r\n:1\r\n*2\r\n*0\r\n+a\r\n", ["reply"]],
    ["a string that looks like replies", "$10\r\n-ERR\r\n+a\r\n\r\n", ["reply"]],
    ["several", "+QUEUED\r\n+QUEUED\r\n:1\r\n", ["reply", "reply", "reply"]],
  ])("counts %s", (_what, text, expected) => {
    expect(parse(bytes(text))).toEqual(expected)
  })

  test("tells an integer that is a reply by itself", () => {
    const integers: (number | null)[] = []
    const parser = new ReplyParser({ reply: (integer) => integers.push(integer), error: () => {} })
    for (const byte of bytes(":2\r\n*1\r\n:7\r\n:-12\r\n+OK\r\n")) parser.push(new Uint8Array([byte]))
    expect(integers).toEqual([2, null, -12, null])
  })

  test("tells an error before its reply", () => {
    expect(parse(bytes("-OOM command not allowed\r\n"))).toEqual([
      { error: "OOM command not allowed", element: -1 },
      "reply",
    ])
  })

  test("tells which element of an array is an error", () => {
    expect(parse(bytes("*3\r\n$3\r\n1-0\r\n-WRONGTYPE no\r\n:1\r\n+OK\r\n"))).toEqual([
      { error: "WRONGTYPE no", element: 1 },
      "reply",
      "reply",
    ])
  })

  test("keeps no more than a bound of an error's text", () => {
    const [first] = parse(bytes(`-${"x".repeat(100_000)}\r\n`))
    expect(typeof first === "object" && first.error.length).toBe(1_024)
  })

  test.each([
    ["HTTP", "HTTP/1.1 400 Bad Request\r\n"],
    ["a length that is none", "$1x\r\n"],
    ["a string longer than it says", "$1\r\nabc\r\n"],
    ["a length past the bound", "$99999999999\r\n"],
    ["nesting past the bound", "*1\r\n".repeat(9)],
  ])("refuses %s", (_what, text) => {
    expect(() => parse(bytes(text))).toThrow(ReplyProtocolError)
  })

  test("sees the same wherever the stream is cut", () => {
    const random = seededRandom(7, "replies")
    for (let round = 0; round < 300; round += 1) {
      const stream = bytes(Array.from({ length: 1 + random.below(8) }, () => reply(random, 0)).join(""))
      const whole = parse(stream)
      const pieces: Uint8Array[] = []
      for (let at = 0; at < stream.length; ) {
        const length = 1 + random.below(random.below(3) === 0 ? 1 : 12)
        pieces.push(stream.subarray(at, at + length))
        at += length
      }
      expect(parse(...pieces)).toEqual(whole)
    }
  })

  test("takes or refuses any bytes at all", () => {
    const random = seededRandom(8, "garbage")
    const alphabet = bytes("+-:$*0123456789\r\nabc")
    for (let round = 0; round < 2_000; round += 1) {
      const garbage = Uint8Array.from({ length: random.below(60) }, () => alphabet[random.below(alphabet.length)] ?? 0)
      try {
        parse(garbage)
      } catch (error) {
        expect(error).toBeInstanceOf(ReplyProtocolError)
      }
    }
  })
})

function reply(random: ReturnType<typeof seededRandom>, depth: number): string {
  const kind = random.below(depth < 3 ? 5 : 4)
  if (kind === 0) return "+QUEUED\r\n"
  if (kind === 1) return `:${random.below(1_000)}\r\n`
  if (kind === 2) return `-ERR number ${random.below(1_000)}\r\n`
  if (kind === 3) {
    const text = "\r\n-$x".repeat(random.below(20))
    return random.below(5) === 0 ? "$-1\r\n" : `$${text.length}\r\n${text}\r\n`
  }
  const elements = Array.from({ length: random.below(5) }, () => reply(random, depth + 1))
  return `*${elements.length}\r\n${elements.join("")}`
}
