// An event that is held back: a copy of what the decoder made of it, to be published later as it would have been.

import { type EventBatch, RECORD_INTS, RecordField } from "../../codec/batch.ts"
import type { Digest } from "./align.ts"

export interface HeldEvent {
  readonly sessionId: string
  readonly sequence: number
  readonly stream: string
  readonly digest: Digest
  readonly atMs: number
  /** Its name's position in the names that the batch came with. */
  readonly event: number
  /** In the broker's encoding, frame and all. */
  readonly bytes: Uint8Array
  readonly key: string | null
}

/** A record of a batch. */
export function recordAt({ records }: EventBatch, index: number) {
  const field = (position: number): number => records[index * RECORD_INTS + position] ?? 0
  return {
    event: field(RecordField.event),
    sequence: field(RecordField.sequenceHigh) * 2 ** 32 + (field(RecordField.sequenceLow) >>> 0),
    offset: field(RecordField.offset),
    length: field(RecordField.length),
  }
}

/** Those records of a batch, as a batch of their own. */
export function recordsOf(batch: EventBatch, kept: readonly number[]): EventBatch {
  const records = kept.map((index) => {
    const { offset, length, ...record } = recordAt(batch, index)
    return { ...record, bytes: batch.bytes.subarray(offset, offset + length) }
  })
  return { ...batch, ...written(records) }
}

/** Events that stand by themselves as the batch of one session, in their order. */
export function batchOfHeld(held: readonly HeldEvent[], origin: Pick<EventBatch, "slot" | "events">): EventBatch {
  const keys = held.map(({ key }) => key)
  return { ...origin, sessionId: held[0]?.sessionId ?? "", ...written(held), keys }
}

function written(
  events: readonly Pick<HeldEvent, "event" | "sequence" | "bytes">[],
): Pick<EventBatch, "bytes" | "records" | "count"> {
  const bytes = new Uint8Array(events.reduce((sum, event) => sum + event.bytes.length, 0))
  const records = new Int32Array(events.length * RECORD_INTS)
  let offset = 0
  for (const [index, { event, sequence, bytes: one }] of events.entries()) {
    const at = index * RECORD_INTS
    records[at + RecordField.event] = event
    records[at + RecordField.sequenceLow] = sequence | 0
    records[at + RecordField.sequenceHigh] = Math.floor(sequence / 2 ** 32)
    records[at + RecordField.offset] = offset
    records[at + RecordField.length] = one.length
    bytes.set(one, offset)
    offset += one.length
  }
  return { bytes, records, count: events.length }
}

/** Cut where the session changes. */
export function bySession(held: readonly HeldEvent[]): readonly (readonly HeldEvent[])[] {
  const runs: HeldEvent[][] = []
  for (const event of held) {
    const last = runs.at(-1)
    if (last?.[0]?.sessionId === event.sessionId) last.push(event)
    else runs.push([event])
  }
  return runs
}
