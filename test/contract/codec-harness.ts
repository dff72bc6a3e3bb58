// What the codec tests share: a connection's two ends, and its events read back.

import { Unpackr } from "msgpackr"
import { RECORD_INTS, RecordField } from "../../src/codec/batch.ts"
import type { Codec } from "../../src/codec/codec.ts"
import {
  DEFAULT_DECODER_LIMITS,
  DecodeError,
  type DecodeErrorKind,
  type Decoder,
  type DecoderOptions,
} from "../../src/codec/decoder.ts"
import { COMPRESSIONS, type Compression } from "../../src/discord/gateway-url.ts"

export { COMPRESSIONS, type Compression }

export interface Event {
  readonly name: string
  readonly sequence: number
  readonly bytes: Uint8Array
}

export const EVENTS = ["READY", "RESUMED", "MESSAGE_CREATE", "GUILD_CREATE", "TYPING_START", 'A"é']
const WANTED = new Set(["READY", "MESSAGE_CREATE", "GUILD_CREATE", 'A"é'])

const utf8 = new TextEncoder()
// @ts-expect-error: "auto", an integer that a double does not hold as BigInt, is documented and not in the types.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: "auto" })

export function openDecoder(codec: Codec, options: Partial<DecoderOptions> = {}): Decoder {
  return codec.decoder({
    compression: "none",
    encoding: { body: "msgpack", framing: { type: "bare" } },
    events: EVENTS,
    wanted: WANTED,
    shard: 3,
    limits: DEFAULT_DECODER_LIMITS,
    ...options,
  })
}

export function bytesOf(text: string): Uint8Array {
  return utf8.encode(text)
}

export function json(payload: unknown): Uint8Array {
  return bytesOf(JSON.stringify(payload))
}

export function message(sequence: number, d: unknown, t = "MESSAGE_CREATE"): Uint8Array {
  return json({ t, s: sequence, op: 0, d })
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** Everything that waits. */
export function takeAll(decoder: Decoder, events: readonly string[] = EVENTS): Event[] {
  const bytes = new Uint8Array(decoder.pendingBytes())
  const records = new Int32Array(decoder.pendingEvents() * RECORD_INTS)
  const count = decoder.take(bytes, records)
  return readRecords(bytes, records, count, events)
}

export function readRecords(
  bytes: Uint8Array,
  records: Int32Array,
  count: number,
  events: readonly string[] = EVENTS,
): Event[] {
  const field = (index: number, name: keyof typeof RecordField) =>
    records[index * RECORD_INTS + RecordField[name]] ?? -1
  return Array.from({ length: count }, (_, index) => {
    const start = field(index, "offset")
    return {
      name: events[field(index, "event")] ?? "?",
      sequence: field(index, "sequenceHigh") * 2 ** 32 + (field(index, "sequenceLow") >>> 0),
      bytes: bytes.slice(start, start + field(index, "length")),
    }
  })
}

/**
 * A MessagePack value as JavaScript has it: maps as objects without a prototype, the last of equal keys valid, so that
 * `__proto__` is a key like any other.
 * @throws when bytes follow the value.
 */
export function unpack(bytes: Uint8Array): unknown {
  return plain(unpackr.unpack(bytes))
}

function plain(value: unknown): unknown {
  if (value instanceof Map) {
    const object = Object.create(null)
    for (const [key, entry] of value) object[key] = plain(entry)
    return object
  }
  return Array.isArray(value) ? value.map(plain) : value
}

/** What `JSON.parse` makes of the text, in the form of `unpack`, with lone surrogates replaced as UTF-8 must. */
export function parsed(text: string): unknown {
  return withoutPrototypes(JSON.parse(text))
}

export function withoutPrototypes(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed()
  if (Array.isArray(value)) return value.map(withoutPrototypes)
  if (typeof value !== "object" || value === null) return value
  const object = Object.create(null)
  for (const key of Object.keys(value)) object[key.toWellFormed()] = withoutPrototypes(Reflect.get(value, key))
  return object
}

/** The kind of the DecodeError that `run` throws; undefined when it throws nothing. Anything else is thrown on. */
export function failure(run: () => unknown): DecodeErrorKind | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof DecodeError) return error.kind
    throw error
  }
  return undefined
}

/** The parts of the RESP commands in `bytes`: arrays of bulk strings. */
export function parseCommands(bytes: Uint8Array): string[][] {
  const buffer = Buffer.from(bytes)
  let at = 0
  const line = (type: string): number => {
    const end = buffer.indexOf("\r\n", at)
    const text = buffer.toString("latin1", at, end)
    if (!text.startsWith(type)) throw new Error(`Expected ${type} at byte ${at} and found ${text}.`)
    at = end + 2
    return Number(text.slice(1))
  }
  const commands: string[][] = []
  while (at < buffer.length) {
    commands.push(
      Array.from({ length: line("*") }, () => {
        const length = line("$")
        const part = buffer.toString("latin1", at, at + length)
        at += length
        if (buffer.toString("latin1", at, at + 2) !== "\r\n") throw new Error(`No line end at byte ${at}.`)
        at += 2
        return part
      }),
    )
  }
  return commands
}
