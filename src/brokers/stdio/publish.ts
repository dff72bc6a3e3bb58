// The bytes of a publish. A batch's events are finished lines or maps already, back to back, so the batch goes out as one
// write and nothing is done per event.

import { type EventBatch, RECORD_INTS, RecordField } from "../../codec/batch.ts"
import type { Body } from "../../codec/encoding.ts"
import { encodeBody, eventValue } from "../body.ts"

const NEWLINE = 0x0a

/** A view of the batch's events, without the rest of its buffer. */
export function batchBytes({ bytes, records, count }: EventBatch): Uint8Array {
  const last = (count - 1) * RECORD_INTS
  const start = records[RecordField.offset] ?? 0
  const end = (records[last + RecordField.offset] ?? 0) + (records[last + RecordField.length] ?? 0)
  return count === 0 ? bytes.subarray(0, 0) : bytes.subarray(start, end)
}

/** An event of our own as one JSON line or one MessagePack map. */
export function announcementBytes(body: Body, event: string, data: unknown): Uint8Array {
  const message = encodeBody(body, { event, data: eventValue(body, event, data) })
  return body === "json" ? Buffer.concat([message, Buffer.from([NEWLINE])]) : message
}
