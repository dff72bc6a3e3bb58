// Stream entries as Redis returns them: checked, since anybody may have written them.

import type { Delivery } from "../broker.ts"

export interface Entry {
  readonly id: string
  /** The field `data`; null where there is none. */
  readonly data: Uint8Array | null
  /** The field `timeout_at`, Unix nanoseconds in digits, in milliseconds. */
  readonly timeoutAtMs: number | null
  /** Its caller subscribed before it asked, and hears one reply. The field `listening`, which other libraries do not write. */
  readonly isCallerListening: boolean
  /** Taken over from a member of the group that may have handled it. */
  readonly isClaimed: boolean
}

export const LISTENING_FIELD = "listening"

/** What XREADGROUP returns: `[[stream, entries], …]`, or null where nothing came. */
export function readStreams(
  reply: unknown,
): readonly { readonly stream: string; readonly entries: readonly Entry[] }[] {
  if (!Array.isArray(reply)) return []
  return reply.map((one: unknown) => {
    const [stream, entries] = Array.isArray(one) ? one : []
    return { stream: text(stream), entries: readEntries(entries) }
  })
}

/** `[[id, [name, value, …]], …]`. An entry that was trimmed away while it was pending is null, or has no fields. */
export function readEntries(reply: unknown, isClaimed = false): readonly Entry[] {
  if (!Array.isArray(reply)) return []
  return reply.flatMap((one: unknown) => {
    if (!Array.isArray(one)) return []
    const [id, fields] = one
    const timeoutAtMs = milliseconds(field(fields, "timeout_at"))
    const isCallerListening = field(fields, LISTENING_FIELD) !== null
    return [{ id: text(id), data: field(fields, "data"), timeoutAtMs, isCallerListening, isClaimed }]
  })
}

function field(fields: unknown, name: string): Uint8Array | null {
  if (!Array.isArray(fields)) return null
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const value: unknown = fields[index + 1]
    if (text(fields[index]) === name && value instanceof Uint8Array) return value
  }
  return null
}

/** What a delivery says of its entry, beside its data. */
export function circumstances({ isClaimed, timeoutAtMs }: Entry): Pick<Delivery, "isRepeated" | "deadlineWallMs"> {
  return { isRepeated: isClaimed, ...(timeoutAtMs !== null && { deadlineWallMs: timeoutAtMs }) }
}

const NANOSECONDS_PER_MS = 1_000_000

function milliseconds(nanoseconds: Uint8Array | null): number | null {
  const digits = nanoseconds === null ? "" : text(nanoseconds)
  return /^\d{1,20}$/.test(digits) ? Number(digits) / NANOSECONDS_PER_MS : null
}

export function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
}
