import { describe, expect, test } from "bun:test"
import { decodeBody, encodeBody, eventValue } from "../../src/brokers/body.ts"
import { BodyError } from "../../src/brokers/broker.ts"
import { MAX_DEPTH } from "../../src/brokers/extent.ts"

const bytes = (...values: number[]) => new Uint8Array(values)

describe("decodeBody", () => {
  test.each([
    ["a JSON object", Buffer.from('{"a":1}'), { a: 1 }],
    ["a JSON array", Buffer.from("[1,2]"), [1, 2]],
    ["JSON with white space around it", Buffer.from(' \n{"a":1}\n'), { a: 1 }],
    [
      "a snowflake written as a JSON number, as BigInt",
      Buffer.from('{"id":197038439483310086}'),
      { id: 197038439483310086n },
    ],
    ["a long fraction, as a number", Buffer.from("[0.12345678901234567890]"), [0.12345678901234568]],
    ["a JSON string", Buffer.from('"ü"'), "ü"],
    ["a MessagePack map", bytes(0x81, 0xa1, 0x61, 0x01), { a: 1 }],
    ["a MessagePack map 16", bytes(0xde, 0x00, 0x01, 0xa1, 0x61, 0x01), { a: 1 }],
    ["a MessagePack array", bytes(0x92, 0x01, 0x02), [1, 2]],
    ["MessagePack nil", bytes(0xc0), null],
    ["a 64-bit integer that a double holds, as a number", bytes(0x91, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0), [2 ** 32]],
    ["a 64-bit integer past 2^53, as BigInt", bytes(0x91, 0xcf, 0x7f, 0, 0, 0, 0, 0, 0, 1), [0x7f00_0000_0000_0001n]],
    ["what msgpackr writes for undefined", bytes(0x81, 0xa1, 0x61, 0xd4, 0, 0), { a: undefined }],
  ])("reads %s", (_, body, value) => {
    expect(decodeBody(body)).toEqual(value)
  })

  test.each([
    ["nothing", bytes(), "it is empty"],
    ["text", Buffer.from("hello"), "JSON"],
    ["JSON followed by more", Buffer.from("{}{}"), "JSON"],
    ["invalid UTF-8", Buffer.from('{"a":"\xff"}', "latin1"), "JSON"],
    ["a reserved MessagePack byte", bytes(0xc1), "0xc1"],
    ["MessagePack that ends early", bytes(0x82, 0xa1, 0x61, 0x01), "ends early"],
    ["MessagePack followed by more", bytes(0x80, 0x80), "1 bytes follow"],
    ["an array that declares more than the body could hold", bytes(0xdd, 0xff, 0xff, 0xff, 0xff), "ends early"],
    ["a string that declares more than the body could hold", bytes(0x91, 0xdb, 0xff, 0xff, 0xff, 0xff), "ends early"],
    ["nesting past the bound", new Uint8Array(MAX_DEPTH + 10).fill(0x91), "nested deeper"],
    ["deep JSON", Buffer.from("[".repeat(100_000)), "JSON"],
    ["an extension that would build an Error", bytes(0x91, 0xd4, 0x65, 0x00), "extension type 0x65"],
    ["an extension that would define a record", bytes(0x91, 0xd4, 0x72, 0x40), "extension type 0x72"],
    ["an extension that would build a regular expression", bytes(0xc7, 0x01, 0x78, 0x00), "extension type 0x78"],
  ])("refuses %s", (_, body, reason) => {
    expect(() => decodeBody(body)).toThrow(BodyError)
    expect(() => decodeBody(body)).toThrow(reason)
  })

  test("refuses every cut of a body, and nothing but BodyError", () => {
    const whole = encodeBody("msgpack", {
      event: "SEND",
      data: [1, -1, 1.5, "x".repeat(300), null, true, { deep: [] }],
    })
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decodeBody(whole.subarray(0, length))).toThrow(BodyError)
    }
  })
})

describe("encodeBody", () => {
  const value = { a: [1, 2.5, -3], b: "ü", c: null, d: { e: true }, f: 2 ** 40 }

  test.each(["json", "msgpack", "discordjs"] as const)("writes %s that decodeBody reads", (body) => {
    expect(decodeBody(encodeBody(body, value))).toEqual(value)
  })

  test("writes MessagePack maps with their shortest header, and nil for undefined", () => {
    expect([...encodeBody("msgpack", { a: undefined })]).toEqual([0x81, 0xa1, 0x61, 0xc0])
  })
})

describe("eventValue", () => {
  test("wraps an event of our own as @discordjs/brokers expects it, with the shard it names", () => {
    const data = { shard: 3, session_id: "abc" }
    expect(eventValue("discordjs", "GATEWAY_GAP", data)).toEqual({
      payload: { op: 0, t: "GATEWAY_GAP", s: null, d: data },
      shardId: 3,
    })
  })

  test.each(["json", "msgpack"] as const)("leaves the data as it is for %s", (body) => {
    expect(eventValue(body, "GATEWAY_GAP", { shard: 3 })).toEqual({ shard: 3 })
  })
})
