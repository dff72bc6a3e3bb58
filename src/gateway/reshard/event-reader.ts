// Reads events where they lie, in the broker's own form: what surrounds the body, the packet's `d` in it, and a digest of that
// which is the same whichever session an event came by. Only shards of a bot that is being resharded read their events.

import { Unpackr } from "msgpackr"
import type { Encoding } from "../../codec/encoding.ts"
import type { Digest } from "./align.ts"

const RETURN = 0x0d
const ZERO = 0x30
/** `{"event":` and `,"data":`, around an event's name. */
const STDIO_JSON_BYTES = 9 + 8
/** `}` and the end of the line. */
const STDIO_JSON_END_BYTES = 2
/** A map of two and the strings `event` and `data`, around an event's name. */
const STDIO_MESSAGE_PACK_BYTES = 1 + 6 + 5

/** Integers that a double holds exactly come out as numbers, others as BigInt. msgpackr's types do not list "auto". */
const unpackr = Object.assign(new Unpackr({ useRecords: false }), { int64AsType: "auto" })
const utf8 = new TextDecoder()

export class EventReader {
  readonly #encoding: Encoding
  /** What follows `d` in discord.js' form: the shard's number. */
  readonly #shardBytes: number
  readonly #seeds = new Map<string, bigint>()

  /** @param shard as the decoder of these events knows it */
  constructor(encoding: Encoding, shard: number) {
    this.#encoding = encoding
    this.#shardBytes = 1 + "shardId".length + integerBytes(shard)
  }

  /** The bytes of `d`, within those of an event in its frame. */
  data(event: string, framed: Uint8Array): Uint8Array {
    const body = this.#body(event, framed)
    return this.#encoding.body === "discordjs" ? discordJsData(body, this.#shardBytes) : body
  }

  decode(data: Uint8Array): unknown {
    return this.#encoding.body === "json" ? JSON.parse(utf8.decode(data)) : unpackr.unpack(data)
  }

  /** The same on every machine. */
  digest(event: string, data: Uint8Array): Digest {
    let seed = this.#seeds.get(event)
    if (seed === undefined) {
      seed = Bun.hash.xxHash64(event)
      this.#seeds.set(event, seed)
    }
    return Bun.hash.xxHash64(data, seed).toString(36)
  }

  #body(event: string, framed: Uint8Array): Uint8Array {
    const { body, framing } = this.#encoding
    if (framing.type === "bare") return framed
    if (framing.type === "redis") return redisBody(framed)
    if (body === "json") {
      const start = STDIO_JSON_BYTES + Buffer.byteLength(JSON.stringify(event))
      return framed.subarray(start, framed.length - STDIO_JSON_END_BYTES)
    }
    const nameBytes = Buffer.byteLength(event)
    return framed.subarray(STDIO_MESSAGE_PACK_BYTES + stringHeadBytes(nameBytes) + nameBytes)
  }
}

/** The field `data` of a finished XADD. */
function redisBody(command: Uint8Array): Uint8Array {
  // `*7`, then `$4`, `XADD`, and so on.
  let at = lineEnd(command, 0)
  for (let isNext = false; at < command.length; ) {
    const start = lineEnd(command, at)
    const length = digits(command, at + 1)
    const end = start + length
    if (isNext) return command.subarray(start, end)
    isNext = length === 4 && String.fromCharCode(...command.subarray(start, end)) === "data" && isAfterStar(command, at)
    at = end + 2
  }
  throw new RangeError("Cannot find an event's body: its command has no field data.")
}

/** Whether what ends at `at` is the word `*`: an event may be called data too. */
function isAfterStar(command: Uint8Array, at: number): boolean {
  return command[at - 3] === 0x2a && command[at - 4] === 0x0a
}

function lineEnd(bytes: Uint8Array, from: number): number {
  return bytes.indexOf(RETURN, from) + 2
}

function digits(bytes: Uint8Array, from: number): number {
  let value = 0
  for (let at = from; bytes[at] !== RETURN; at += 1) value = value * 10 + (bytes[at] ?? ZERO) - ZERO
  return value
}

/** `d` of `{payload: {op, t, s, d}, shardId}`. */
function discordJsData(body: Uint8Array, shardBytes: number): Uint8Array {
  // A map of two, `payload`, a map of four, `op`, 0, `t`.
  const nameAt = 1 + 8 + 1 + 3 + 1 + 2
  const sequenceAt = nameAt + stringBytes(body, nameAt) + 2
  return body.subarray(sequenceAt + numberBytes(body[sequenceAt] ?? 0) + 2, body.length - shardBytes)
}

/** A MessagePack string with its head. */
function stringBytes(bytes: Uint8Array, at: number): number {
  const type = bytes[at] ?? 0
  return type < 0xd9 ? 1 + (type & 0x1f) : 2 + (bytes[at + 1] ?? 0)
}

function stringHeadBytes(length: number): number {
  return length < 32 ? 1 : 2
}

/** A MessagePack number that begins with this byte: a small one, or 8 to 64 bits, or a double. */
function numberBytes(type: number): number {
  if (type < 0x80 || type >= 0xe0) return 1
  if (type === 0xcb) return 9
  return 1 + 2 ** (type & 0x03)
}

function integerBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x100) return 2
  return value < 0x10000 ? 3 : 5
}
