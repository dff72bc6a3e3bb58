// A message's body: MessagePack or JSON, told apart by the first byte. Bytes from outside are never trusted.

import { Packr, Unpackr } from "msgpackr"
import type { Body } from "../codec/encoding.ts"
import { BodyError } from "./broker.ts"
import { MessagePackExtent } from "./msgpack-extent.ts"

/** From here on a first byte cannot begin JSON. Below it MessagePack has only small integers, maps and arrays are above. */
const FIRST_MESSAGE_PACK_BYTE = 0x80

const SHARD_EVENT = /^\d+$/

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true })
/** Integers that a double holds exactly come out as numbers, others as BigInt. msgpackr's types do not list "auto". */
const unpackr = Object.assign(new Unpackr({ useRecords: false }), { int64AsType: "auto" })
const utf8 = new TextDecoder("utf-8", { fatal: true })

/**
 * Decodes one whole body. Integers beyond 2^53 come out as BigInt.
 * @throws BodyError when it is neither MessagePack nor JSON, or is followed by anything.
 */
export function decodeBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw new BodyError("Cannot decode a body: it is empty.")
  return bodyOf(bytes) === "msgpack" ? decodeMessagePack(bytes) : decodeJson(bytes)
}

/** The form of a body, by its first byte. */
export function bodyOf(bytes: Uint8Array): "msgpack" | "json" {
  return (bytes[0] ?? 0) >= FIRST_MESSAGE_PACK_BYTE ? "msgpack" : "json"
}

function decodeMessagePack(bytes: Uint8Array): unknown {
  const found = new MessagePackExtent(Number.POSITIVE_INFINITY).push(bytes, 0)
  if (found.type === "invalid") throw new BodyError(`Cannot decode a MessagePack body: ${found.reason}.`)
  if (found.type === "partial")
    throw new BodyError(`Cannot decode a MessagePack body: it ends early, after ${bytes.length} bytes.`)
  if (found.end !== bytes.length) {
    throw new BodyError(`Cannot decode a MessagePack body: ${bytes.length - found.end} bytes follow the value.`)
  }
  try {
    return unpackr.unpack(bytes)
  } catch (error) {
    throw new BodyError(`Cannot decode a MessagePack body: ${reasonOf(error)}.`, { cause: error })
  }
}

function decodeJson(bytes: Uint8Array): unknown {
  try {
    return parseJson(utf8.decode(bytes))
  } catch (error) {
    throw new BodyError(`Cannot decode a JSON body: ${reasonOf(error)}.`, { cause: error })
  }
}

/** Digits that a double may not hold: a snowflake that somebody wrote as a number. */
const LONG_NUMBER = /\d{16}/
const INTEGER = /^-?\d+$/

/**
 * As JSON.parse, with integers beyond 2^53 as BigInt, so that a snowflake keeps its digits.
 * @throws SyntaxError as JSON.parse does.
 */
function parseJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value
    const source = context?.source ?? ""
    return INTEGER.test(source) ? BigInt(source) : value
  })
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Encodes one value as a body of its own; `discordjs` wraps events only, so a plain value is MessagePack there. */
export function encodeBody(body: Body, data: unknown): Uint8Array {
  return body === "json" ? Buffer.from(JSON.stringify(data)) : packr.pack(data)
}

/**
 * The value that an event's body holds: the packet's `d`, or discord.js' whole payload around it. What goes to a shard, as
 * event `3`, is no event of Discord's and stays as it is.
 */
export function eventValue(body: Body, event: string, data: unknown): unknown {
  if (body !== "discordjs" || SHARD_EVENT.test(event)) return data
  return { payload: { op: 0, t: event, s: null, d: data }, shardId: shardOf(data) }
}

/** Our own events name their shard in `shard`; discord.js wants it beside the payload. */
function shardOf(data: unknown): number {
  if (typeof data === "object" && data !== null && "shard" in data && typeof data.shard === "number") return data.shard
  return 0
}
