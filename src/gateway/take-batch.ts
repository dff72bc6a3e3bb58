// Takes what a decoder has for the broker, a batch at a time.

import { RECORD_INTS, RecordField } from "../codec/batch.ts"
import type { Decoder } from "../codec/decoder.ts"
import { BATCH_EVENTS, type BatchBuffer, type BufferPool } from "./buffer-pool.ts"

/** Bytes of a batch, unless its first event alone has more. */
const BATCH_BYTES = 512 * 1024

export interface TakenBatch {
  readonly buffer: BatchBuffer
  readonly count: number
  /** Bytes of all its events. */
  readonly length: number
  /** Every dispatch up to this one is in this batch, in one before it, or dropped. */
  readonly sequence: number
}

/** As many events as a batch may have wait. */
export function isWhole(decoder: Decoder): boolean {
  return decoder.pendingEvents() >= BATCH_EVENTS || decoder.pendingBytes() >= BATCH_BYTES
}

/** The oldest events that wait, of which there is at least one. */
export function takeBatch(decoder: Decoder, pool: BufferPool): TakenBatch {
  let buffer = pool.take(Math.min(decoder.pendingBytes(), BATCH_BYTES))
  let count = decoder.take(buffer.bytes, buffer.records)
  if (count === 0) {
    pool.give(buffer)
    buffer = pool.take(decoder.pendingBytes())
    count = decoder.take(buffer.bytes, buffer.records)
  }
  const { records } = buffer
  const last = (count - 1) * RECORD_INTS
  const length = (records[last + RecordField.offset] ?? 0) + (records[last + RecordField.length] ?? 0)
  const sequence = decoder.pendingEvents() > 0 ? sequenceOf(records, last) : decoder.lastSequence()
  return { buffer, count, length, sequence }
}

function sequenceOf(records: Int32Array, at: number): number {
  return (records[at + RecordField.sequenceHigh] ?? 0) * 2 ** 32 + ((records[at + RecordField.sequenceLow] ?? 0) >>> 0)
}
