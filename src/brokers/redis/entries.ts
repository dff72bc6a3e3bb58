// Stream entries as Redis returns them: checked, since anybody may have written them.

export interface Entry {
  readonly id: string
  /** The field `data`; null where there is none. */
  readonly data: Uint8Array | null
}

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
export function readEntries(reply: unknown): readonly Entry[] {
  if (!Array.isArray(reply)) return []
  return reply.flatMap((one: unknown) => {
    if (!Array.isArray(one)) return []
    const [id, fields] = one
    return [{ id: text(id), data: field(fields, "data") }]
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

export function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
}
