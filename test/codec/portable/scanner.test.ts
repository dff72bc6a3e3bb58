// How the portable codec finds payloads in text that arrives in pieces.

import { describe, expect, test } from "bun:test"
import { PayloadScanner } from "../../../src/codec/portable/scanner.ts"

const utf8 = new TextEncoder()
const TEXT = '{"a":"}\\"{\\\\","d" : [1,{"d":"]"},-2.5e+3] ,"e":{"d":null},"t":true}'

function spanOfD(text: string): string {
  const scanner = new PayloadScanner()
  const bytes = utf8.encode(text)
  scanner.scan(bytes)
  return Buffer.from(bytes.subarray(scanner.dStart, scanner.dEnd)).toString()
}

describe("PayloadScanner", () => {
  test("finds the end of a payload however it is cut", () => {
    const bytes = utf8.encode(`${TEXT} next`)
    for (let first = 0; first < TEXT.length; first++) {
      for (let second = first; second < TEXT.length; second += 5) {
        const scanner = new PayloadScanner()
        expect(scanner.scan(bytes.subarray(0, first))).toBe(-1)
        expect(scanner.scan(bytes.subarray(0, second))).toBe(-1)
        expect(scanner.scan(bytes)).toBe(TEXT.length)
      }
    }
  })

  test("finds the raw text of the outer d, and the last one where there are several", () => {
    expect(spanOfD(TEXT)).toBe('[1,{"d":"]"},-2.5e+3]')
    expect(spanOfD('{"d":1,"d": "two" }')).toBe('"two"')
    expect(spanOfD('{"\\u0064":12\n}')).toBe("12")
    expect(spanOfD('{"e":1,"dd":2,"D":3}')).toBe("")
  })

  test("is idle before the first byte of a payload", () => {
    const scanner = new PayloadScanner()
    scanner.scan(utf8.encode(" \n"))
    expect(scanner.isIdle).toBe(true)
    scanner.scan(utf8.encode(" \n{"))
    expect(scanner.isIdle).toBe(false)
  })

  test("refuses at once what cannot go on to be JSON", () => {
    for (const text of ['{"a"1', "{1", '{"a":}', '{"a":[}', '{"a":1]', '{"a":1{', '{"a":"\n', "}", "[1"]) {
      expect(() => new PayloadScanner().scan(utf8.encode(text))).toThrow()
    }
  })
})
