// Publishing to the hub: an event is there once its batch is confirmed, so that an unconfirmed one counts as lost.

import { type EventBatch, RECORD_INTS, RecordField } from "../../codec/batch.ts"
import type { Entry, MemoryHub } from "./hub.ts"

/** Resolves when the server confirms the batch. Tests hold it back, or delay it. */
export type Confirm = (batch: EventBatch) => Promise<void>

export const confirmAtOnce: Confirm = () => Promise.resolve()

/** Copies a batch's events to the hub. The batch is its owner's again afterwards. */
export function appendBatch(hub: MemoryHub, batch: EventBatch): void {
  for (let index = 0; index < batch.count; index += 1) hub.append(entryOf(batch, index))
}

function entryOf(batch: EventBatch, index: number): Entry {
  const { records, keys } = batch
  const at = index * RECORD_INTS
  const field = (position: number): number => records[at + position] ?? 0
  const event = batch.events[field(RecordField.event)]
  if (event === undefined)
    throw new RangeError(`A record names event ${field(RecordField.event)} of ${batch.events.length}.`)
  const sequence = field(RecordField.sequenceHigh) * 2 ** 32 + (field(RecordField.sequenceLow) >>> 0)
  const offset = field(RecordField.offset)
  const body = batch.bytes.slice(offset, offset + field(RecordField.length))
  const key = keys?.[index] ?? null
  return { event, id: `${batch.sessionId}:${sequence}`, ...(key !== null && { key }), body, reply: null }
}
