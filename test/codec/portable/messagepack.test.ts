// The portable codec's MessagePack to the byte: what typed consumers depend on.

import { describe, expect, test } from "bun:test"
import { Bytes } from "../../../src/codec/portable/bytes.ts"
import { writeValue } from "../../../src/codec/portable/messagepack.ts"

function hex(value: unknown): string {
  const out = new Bytes()
  writeValue(out, value)
  return Buffer.from(out.view()).toString("hex")
}

describe("writeValue", () => {
  test("writes integers in their shortest form, and as integers up to 64 bits", () => {
    const forms: readonly (readonly [number | bigint, string])[] = [
      [0, "00"],
      [127, "7f"],
      [128, "cc80"],
      [256, "cd0100"],
      [65_536, "ce00010000"],
      [2 ** 32, "cf0000000100000000"],
      [1_700_000_000_123, "cf0000018bcfe5687b"],
      [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"],
      [18446744073709551615n, "cfffffffffffffffff"],
      [-1, "ff"],
      [-32, "e0"],
      [-33, "d0df"],
      [-129, "d1ff7f"],
      [-32_769, "d2ffff7fff"],
      [-(2 ** 31) - 1, "d3ffffffff7fffffff"],
      [-(2 ** 40) - 1, "d3fffffeffffffffff"],
      [Number.MIN_SAFE_INTEGER, "d3ffe0000000000001"],
      [-9223372036854775808n, "d38000000000000000"],
    ]
    for (const [value, bytes] of forms) expect([value, hex(value)]).toEqual([value, bytes])
  })

  test("writes -0, fractions and what no 64 bits hold as doubles", () => {
    expect(hex(-0)).toBe("cb8000000000000000")
    expect(hex(0.5)).toBe("cb3fe0000000000000")
    expect(hex(Number.POSITIVE_INFINITY)).toBe("cb7ff0000000000000")
    expect(hex(2n ** 64n)).toBe("cb43f0000000000000")
  })

  test("writes a lone surrogate as U+FFFD, in short and in long text", () => {
    expect(hex("\ud800")).toBe("a3efbfbd")
    expect(hex(`${"x".repeat(60)}\udc00`)).toBe(`d93f${"78".repeat(60)}efbfbd`)
  })

  test("refuses what JSON has no word for", () => {
    expect(() => hex(undefined)).toThrow(TypeError)
  })
})
