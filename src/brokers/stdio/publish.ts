// The bytes of a publish. A batch's events are finished lines or maps already, back to back, so the batch goes out as one
// write and nothing is done per event.

import { type EventBatch, RECORD_INTS, RecordField } from "../../codec/batch.ts"
import type { Body } from "../../codec/encoding.ts"
import { encodeBody, eventValue } from "../body.ts"

const NEWLINE = 0x0a
/** `}` and a newline. */
const LINE_END_BYTES = 2
/** In MessagePack, instead of a map of two. */
const MAP_OF_THREE = Uint8Array.of(0x83)

/** A view of the batch's events, without the rest of its buffer; written anew where they have keys. */
export function batchBytes(batch: EventBatch, body: Body): Uint8Array {
  const { bytes, records, count, keys } = batch
  if (keys !== undefined) return keyedBytes(batch, keys, body)
  const last = (count - 1) * RECORD_INTS
  const start = records[RecordField.offset] ?? 0
  const end = (records[last + RecordField.offset] ?? 0) + (records[last + RecordField.length] ?? 0)
  return count === 0 ? bytes.subarray(0, 0) : bytes.subarray(start, end)
}

/** As above, with a third field `key`: only while a bot is resharded. */
function keyedBytes({ bytes, records, count }: EventBatch, keys: readonly (string | null)[], body: Body): Uint8Array {
  const messages = Array.from({ length: count }, (_, index) => {
    const at = index * RECORD_INTS
    const offset = records[at + RecordField.offset] ?? 0
    const message = bytes.subarray(offset, offset + (records[at + RecordField.length] ?? 0))
    const key = keys[index] ?? null
    return key === null ? message : withKey(message, key, body)
  })
  return Buffer.concat(messages)
}

function withKey(message: Uint8Array, key: string, body: Body): Uint8Array {
  if (body === "json") {
    const end = Buffer.from(`,"key":${JSON.stringify(key)}}\n`)
    return Buffer.concat([message.subarray(0, message.length - LINE_END_BYTES), end])
  }
  return Buffer.concat([MAP_OF_THREE, message.subarray(1), encodeBody(body, "key"), encodeBody(body, key)])
}

/** An event of our own as one JSON line or one MessagePack map. */
export function announcementBytes(body: Body, event: string, data: unknown): Uint8Array {
  const message = encodeBody(body, { event, data: eventValue(body, event, data) })
  return body === "json" ? Buffer.concat([message, Buffer.from([NEWLINE])]) : message
}
