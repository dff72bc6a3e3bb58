// Entries of a stream as Redis gives them.

/** The field that holds the body. */
export const DATA_FIELD = "data"
/** The field in which the gateway says which event of which session this is. */
const ID_FIELD = "id"
/** The field in which it says which event this is, whichever session told of it. */
const KEY_FIELD = "key"

export interface Entry {
  readonly event: string
  /** The entry's own id: `1700000000000-0`. */
  readonly entryId: string
  /** Stable over every delivery: the field `id` where there is one, else the entry's id. */
  readonly id: string
  /** Absent unless the bot is resharded just then. */
  readonly key?: string
  /** Undefined where somebody wrote an entry without it. */
  readonly body: Buffer | undefined
  /** How often it was given out, this time included. */
  readonly attempt: number
}

/** The entries of a reply to XREADGROUP or XREAD: `[[stream, [[id, [field, value, …]], …]], …]`, or null. */
export function readEntries(reply: unknown): Entry[] {
  return list(reply).flatMap((stream) => {
    const [event, entries] = list(stream)
    return list(entries).flatMap((entry) => parseEntry(text(event), entry, 1))
  })
}

/** One `[id, [field, value, …]]`. Nothing where the entry has been trimmed away, which Redis tells by a null. */
export function parseEntry(event: string, reply: unknown, attempt: number): Entry[] {
  const [entryId, fields] = list(reply)
  if (!Array.isArray(fields)) return []
  const body = field(fields, DATA_FIELD)
  const id = field(fields, ID_FIELD)?.toString() ?? text(entryId)
  const key = field(fields, KEY_FIELD)?.toString()
  return [{ event, entryId: text(entryId), id, ...(key !== undefined && { key }), body, attempt }]
}

function field(fields: readonly unknown[], name: string): Buffer | undefined {
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const value = fields[index + 1]
    if (text(fields[index]) === name) return Buffer.isBuffer(value) ? value : undefined
  }
  return undefined
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string {
  return String(value)
}
