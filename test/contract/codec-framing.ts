// What surrounds each body: src/codec/encoding.ts, byte for byte.

import { expect, test } from "bun:test"
import { Unpackr } from "msgpackr"
import type { Codec } from "../../src/codec/codec.ts"
import type { Body, Framing } from "../../src/codec/encoding.ts"
import { bytesOf, message, openDecoder, parseCommands, takeAll, unpack } from "./codec-harness.ts"

const D = { id: "175928847299117063", text: 'wörld\n"😀"', list: [1, -1, 0.5, 1_700_000_000_000], none: null }
const BODIES: readonly Body[] = ["msgpack", "json", "discordjs"]
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")

export function framingContract(codec: Codec): void {
  const open = (body: Body, framing: Framing) => openDecoder(codec, { encoding: { body, framing } })
  const decode = (body: Body, framing: Framing, ...messages: readonly Uint8Array[]) => {
    const decoder = open(body, framing)
    for (const bytes of messages) decoder.push(bytes)
    return takeAll(decoder).map((event) => event.bytes)
  }
  const value = (body: Body, bytes: Uint8Array) =>
    body === "json" ? JSON.parse(Buffer.from(bytes).toString()) : unpack(bytes)
  const expected = (body: Body, s: number, t: string, d: unknown) =>
    body === "discordjs" ? { payload: { op: 0, t, s, d }, shardId: 3 } : d

  for (const body of BODIES) {
    test(`bare ${body} is the body alone`, () => {
      const [bytes] = decode(body, { type: "bare" }, message(5, D))
      expect(value(body, bytes ?? bytesOf(""))).toEqual(expected(body, 5, "MESSAGE_CREATE", D))
    })

    test(`stdio ${body} names the event`, () => {
      const frames = decode(body, { type: "stdio" }, message(5, D), message(6, 1, 'A"é'))
      expect(frames.map((bytes) => value(body, bytes))).toEqual([
        { event: "MESSAGE_CREATE", data: expected(body, 5, "MESSAGE_CREATE", D) },
        { event: 'A"é', data: expected(body, 6, 'A"é', 1) },
      ])
    })

    test(`redis ${body} is an XADD command with data and id`, () => {
      const decoder = open(body, { type: "redis" })
      decoder.resume("session", 4)
      for (const t of ["MESSAGE_CREATE", 'A"é']) decoder.push(message(5, D, t))
      decoder.push(message(6, "x".repeat(100_000)))
      const commands = takeAll(decoder).flatMap(({ bytes }) => parseCommands(bytes))
      for (const [index, t] of ["MESSAGE_CREATE", 'A"é'].entries()) {
        const [name, key, star, data, bodyText, id, idText, ...rest] = commands[index] ?? []
        expect([name, Buffer.from(key ?? "", "latin1").toString(), star, data, id, idText]).toEqual([
          "XADD",
          t,
          "*",
          "data",
          "id",
          "session:5",
        ])
        expect(rest).toEqual([])
        expect(value(body, Buffer.from(bodyText ?? "", "latin1"))).toEqual(expected(body, 5, t, D))
      }
      expect(value(body, Buffer.from(commands[2]?.[4] ?? "", "latin1"))).toEqual(
        expected(body, 6, "MESSAGE_CREATE", "x".repeat(100_000)),
      )
    })
  }

  test("a json body is the raw text of d", () => {
    const raw = '{ "b":1.0,\n"a":"\\u00e9\\/", "n":12345678901234567890, "b":-0 }'
    const payload = bytesOf(`{"op":0,"d" : ${raw} ,"s":1,"t":"MESSAGE_CREATE"}`)
    expect(decode("json", { type: "bare" }, payload).map((bytes) => Buffer.from(bytes).toString())).toEqual([raw])
    for (const scalar of ["1", "-0.5e3", '"text"', "null", "true", "[]", "{}"]) {
      const texts = decode(
        "json",
        { type: "bare" },
        bytesOf(`{"d":${scalar},"op":0,"s":1,"t":"MESSAGE_CREATE"}`),
        bytesOf(`{"op":0,"s":2,"t":"MESSAGE_CREATE","d":${scalar}}`),
        bytesOf(`{"op":0,"s":2,"t":"MESSAGE_CREATE","d":\t${scalar}\n }`),
      ).map((bytes) => Buffer.from(bytes).toString())
      expect(texts).toEqual([scalar, scalar, scalar])
    }
  })

  test("a stdio json event is one line even where its JSON has line breaks", () => {
    const payload = bytesOf('{"op":0,"s":1,"t":"MESSAGE_CREATE","d":{\r\n  "a": "x\\ny",\n  "b": [\n1]\n}}')
    const [bytes] = decode("json", { type: "stdio" }, payload)
    const line = Buffer.from(bytes ?? bytesOf("")).toString()
    expect(line.indexOf("\n")).toBe(line.length - 1)
    expect(line).not.toContain("\r")
    expect(JSON.parse(line)).toEqual({ event: "MESSAGE_CREATE", data: { a: "x\ny", b: [1] } })
  })

  test("stdio MessagePack maps follow one another", () => {
    const decoder = open("msgpack", { type: "stdio" })
    for (let sequence = 1; sequence <= 3; sequence++) decoder.push(message(sequence, sequence))
    const bytes = new Uint8Array(decoder.pendingBytes())
    decoder.take(bytes, new Int32Array(100))
    expect(new Unpackr({ useRecords: false }).unpackMultiple(bytes)).toEqual(
      [1, 2, 3].map((data) => ({ event: "MESSAGE_CREATE", data })),
    )
  })

  test("discordjs is a map of payload and shardId", () => {
    const [bytes] = decode("discordjs", { type: "bare" }, message(70_000, { a: 1 }))
    expect(latin1(bytes ?? bytesOf(""))).toBe(
      "\x82\xa7payload\x84\xa2op\x00\xa1t\xaeMESSAGE_CREATE\xa1s\xce\x00\x01\x11\x70\xa1d\x81\xa1a\x01\xa7shardId\x03",
    )
  })

  test("a Redis command is RESP to the byte", () => {
    const decoder = open("msgpack", { type: "redis", maxLength: 1_000 })
    decoder.resume("séance", 0)
    decoder.push(message(1, "hi"))
    expect(Buffer.from(takeAll(decoder)[0]?.bytes ?? []).toString()).toBe(
      "*10\r\n$4\r\nXADD\r\n$14\r\nMESSAGE_CREATE\r\n$6\r\nMAXLEN\r\n$1\r\n~\r\n$4\r\n1000\r\n$1\r\n*\r\n" +
        "$4\r\ndata\r\n$3\r\n\ufffdhi\r\n$2\r\nid\r\n$9\r\nséance:1\r\n",
    )
  })

  test("trims by age from the time that was set, before by length, and never below 0", () => {
    const trims = (framing: Framing, times: readonly number[]) => {
      const decoder = open("json", framing)
      for (const [index, time] of times.entries()) {
        decoder.setTime(time)
        decoder.push(message(index + 1, null))
      }
      return takeAll(decoder).map(({ bytes }) => parseCommands(bytes)[0]?.slice(2, 5))
    }
    const now = 1_700_000_000_123
    expect(trims({ type: "redis", retentionMs: 3_600_000, maxLength: 5 }, [now, now + 1, 5])).toEqual([
      ["MINID", "~", String(now - 3_600_000)],
      ["MINID", "~", String(now + 1 - 3_600_000)],
      ["MINID", "~", "0"],
    ])
    expect(trims({ type: "redis", maxLength: 5 }, [now])).toEqual([["MAXLEN", "~", "5"]])
    expect(trims({ type: "redis" }, [now])).toEqual([["*", "data", "null"]])
  })

  test("ids are of the session that READY began, or that was resumed", () => {
    const decoder = open("json", { type: "redis" })
    decoder.push(message(1, { session_id: "one" }, "READY"))
    decoder.push(message(2, 0))
    decoder.resume("two", 40)
    decoder.push(message(41, 0))
    decoder.reset()
    decoder.push(message(42, 0))
    decoder.push(message(1, { session_id: 'thr\\u00e9e"' }, "READY"))
    decoder.push(message(2, 0))
    const ids = takeAll(decoder).map(({ bytes }) =>
      Buffer.from(parseCommands(bytes)[0]?.[6] ?? "", "latin1").toString(),
    )
    expect(ids).toEqual(["one:1", "one:2", "two:41", "two:42", 'thr\\u00e9e":1', 'thr\\u00e9e":2'])
  })
}
