// The field `key`, for a batch that has keys. The decoder's commands are finished and know of none, so each is written anew
// with two more words; that happens only while a bot is resharded.

import { type EventBatch, RECORD_INTS, RecordField } from "../../codec/batch.ts"

const RETURN = 0x0d
/** The field's name and its value. */
const WORDS = 2
const KEY_FIELD = "$3\r\nkey\r\n"

/** @param batch finished commands, `*7\r\n$4\r\nXADD…` */
export function withKeyFields(batch: EventBatch): EventBatch {
  const { keys, records } = batch
  if (keys === undefined) return batch
  const copied = records.slice(0, batch.count * RECORD_INTS)
  const parts: Uint8Array[] = []
  let offset = 0
  for (let index = 0; index < batch.count; index += 1) {
    const at = index * RECORD_INTS
    const start = records[at + RecordField.offset] ?? 0
    const command = batch.bytes.subarray(start, start + (records[at + RecordField.length] ?? 0))
    const key = keys[index] ?? null
    const written = key === null ? command : withField(command, key)
    copied[at + RecordField.offset] = offset
    copied[at + RecordField.length] = written.length
    offset += written.length
    parts.push(written)
  }
  return { ...batch, bytes: Buffer.concat(parts), records: copied }
}

function withField(command: Uint8Array, key: string): Uint8Array {
  const end = command.indexOf(RETURN)
  const words = Number(Buffer.from(command.subarray(1, end)).toString()) + WORDS
  const field = `${KEY_FIELD}$${Buffer.byteLength(key)}\r\n${key}\r\n`
  return Buffer.concat([Buffer.from(`*${words}`), command.subarray(end), Buffer.from(field)])
}
