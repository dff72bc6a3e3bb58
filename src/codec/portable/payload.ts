// A message's text to a gateway payload: UTF-8, JSON and the envelope's types, each refused with its own kind of error.

import { Opcode } from "../../discord/opcodes.ts"
import { DecodeError } from "../decoder.ts"

export interface Dispatch {
  readonly op: 0
  readonly s: number
  readonly t: string
  readonly d: unknown
}

/** Dispatches have a sequence and a name; other packets have neither. */
export type Payload = Dispatch | { readonly op: number; readonly s: null; readonly t: null; readonly d: unknown }

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
/** Finds every integer that a double may not hold, and now and then digits inside a string. */
const LONG_INTEGER = /[:[,\s]-?\d{16}/
const INTEGER = /^-?\d+$/
/** Of a wrong value, how much an error shows. */
const MAX_SHOWN = 32

/** @throws DecodeError of kind `json` when the bytes are not UTF-8. A byte order mark stays, and JSON refuses it. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new DecodeError("json", "Cannot read the payload: it is not UTF-8.")
  }
}

/** @throws DecodeError of kind `json`. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DecodeError("json", `Cannot read the payload: it is not JSON (${reason}).`)
  }
}

export function mayHoldLongIntegers(text: string): boolean {
  return LONG_INTEGER.test(text)
}

/**
 * Parses text that is known to be JSON, with integers past 2^53 as BigInt. Several times slower than JSON.parse alone.
 * Needs the reviver's source text (Bun, Node 21); without it such integers round like JSON.parse rounds them.
 */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value
    const source = context?.source
    return source !== undefined && INTEGER.test(source) ? BigInt(source) : value
  })
}

/** @throws DecodeError of kind `envelope` when the value is no gateway payload. */
export function readEnvelope(value: unknown): Payload {
  if (!isObject(value)) throw new DecodeError("envelope", "Cannot read the payload: it is JSON but no object.")
  const { op, s = null, t = null, d = null } = value
  if (!isInteger(op)) throw wrong("op", op, "an integer")
  if (s !== null && !isSequence(s)) throw wrong("s", s, "a sequence number or null")
  if (t !== null && typeof t !== "string") throw wrong("t", t, "an event name or null")
  if (op !== Opcode.Dispatch) return { op, s: null, t: null, d }
  if (s === null) throw wrong("s", s, "a sequence number in a dispatch")
  if (t === null) throw wrong("t", t, "an event name in a dispatch")
  return { op: Opcode.Dispatch, s, t, d }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isInteger(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value)
}

function isSequence(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
}

function wrong(field: "op" | "s" | "t", value: unknown, right: string): DecodeError {
  const found = value === undefined ? "missing" : JSON.stringify(value).slice(0, MAX_SHOWN)
  return new DecodeError("envelope", `Cannot read the payload: its ${field} is ${found} and must be ${right}.`)
}
