import { describe, expect, test } from "bun:test"
import { decode, decodeTyped, encode } from "../../src/client/body.ts"

describe("decode", () => {
  test.each([null, true, 0, 127, -1, 1.5, "text", { a: [] }, 2 ** 40])("reads %p as it was encoded", (value) => {
    expect(decode(encode(value))).toEqual(value)
  })

  test.each([
    ['{"a":1}', { a: 1 }],
    ["[1]", [1]],
    ['"x"', "x"],
    ["12", 12],
    [" null", null],
  ])("takes %p for JSON by its first byte", (text, value) => {
    expect(decode(Buffer.from(text))).toEqual(value)
  })

  test("takes one byte for MessagePack's small integer, also where it is a digit of JSON", () => {
    expect(decode(Buffer.from("7"))).toBe(0x37)
  })

  test.each(["", "{x", "\u0001\u0002"])("refuses %p with a sentence", (text) => {
    expect(() => decode(Buffer.from(text))).toThrow(/^Cannot decode a /)
  })

  test("refuses MessagePack that ends early or goes on", () => {
    expect(() => decode(Buffer.from([0x92, 1]))).toThrow("ends early")
    expect(() => decode(Buffer.from([0xc0, 0xc0]))).toThrow("follow the value")
  })
})

test("the content type tells a digit of JSON from an integer of MessagePack", () => {
  expect(decodeTyped(Buffer.from("7"), "application/json")).toBe(7)
  expect(decodeTyped(Buffer.from("7"), undefined)).toBe(0x37)
})

test("a Buffer is taken for a body that is encoded already", () => {
  const body = Buffer.from([0xc3])
  expect(encode(body)).toBe(body)
})
