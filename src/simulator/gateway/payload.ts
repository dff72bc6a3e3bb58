// Gateway payloads: reading a client's, writing those that are no dispatch.

import type { Opcode } from "../../discord/opcodes.ts"

export interface Packet {
  readonly op: number
  readonly d: unknown
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Undefined when it is not JSON in UTF-8 with an integer `op`. */
export function readPacket(bytes: Uint8Array): Packet | undefined {
  const parsed = parse(bytes)
  if (typeof parsed !== "object" || parsed === null || !("op" in parsed)) return undefined
  const { op } = parsed
  if (typeof op !== "number" || !Number.isInteger(op)) return undefined
  return { op, d: "d" in parsed ? parsed.d : undefined }
}

/** A payload without a sequence, in the field order that Discord uses. */
export function payload(op: Opcode, d: unknown): Buffer {
  return Buffer.from(JSON.stringify({ t: null, s: null, op, d }))
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes), keepDigits)
  } catch {
    return undefined
  }
}

/** Discord takes ids as numbers too (discord.py sends them); those that a double cannot hold become their digits. */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" && !Number.isSafeInteger(value) && /^\d+$/.test(context?.source ?? "")
    ? context?.source
    : value
}
