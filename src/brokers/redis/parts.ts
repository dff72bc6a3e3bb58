// What was handed over, cut into parts that one transaction can carry.

import { type EventBatch, RECORD_INTS, RecordField } from "../../codec/batch.ts"
import { type Part, Publication } from "./lane.ts"
import { MAX_TRANSACTION_BYTES, MAX_TRANSACTION_COMMANDS } from "./round.ts"

/** A part for each slice of the batch, in order. No part for an empty batch. */
export function slicesOf(batch: EventBatch): { readonly parts: readonly Part[]; readonly settled: Promise<void> } {
  if (batch.count === 0) return { parts: [], settled: Promise.resolve() }
  const ends = sliceEnds(batch)
  const publication = new Publication(ends.length)
  const parts = ends.map((end, index) => slice(batch, ends[index - 1] ?? 0, end, publication))
  return { parts, settled: publication.settled }
}

/** For each stream of the batch its events in parts, in order. */
export function streamsOf(batch: EventBatch): {
  readonly parts: readonly { readonly stream: string; readonly part: Part }[]
  readonly settled: Promise<void>
} {
  if (batch.count === 0) return { parts: [], settled: Promise.resolve() }
  const groups: { readonly stream: string; readonly records: number[]; bytes: number }[] = []
  const open = new Map<number, (typeof groups)[number]>()
  for (let record = 0; record < batch.count; record += 1) {
    const event = field(batch, record, RecordField.event)
    const length = field(batch, record, RecordField.length)
    let group = open.get(event)
    if (group === undefined || isFull(group.records.length, group.bytes + length)) {
      group = { stream: batch.events[event] ?? "", records: [], bytes: 0 }
      groups.push(group)
      open.set(event, group)
    }
    group.records.push(record)
    group.bytes += length
  }
  const publication = new Publication(groups.length)
  return {
    settled: publication.settled,
    parts: groups.map(({ stream, records, bytes }) => ({
      stream,
      part: {
        publication,
        slot: batch.slot,
        commands: records.length,
        bytes,
        copyTo(target, at) {
          let next = at
          for (const record of records) {
            const command = commandAt(batch, record)
            target.set(command, next)
            next += command.length
          }
        },
        key: () => stream,
      },
    })),
  }
}

/** One command that writes to one key. */
export function single(key: string, command: Uint8Array): { readonly part: Part; readonly settled: Promise<void> } {
  const publication = new Publication(1)
  const part: Part = {
    publication,
    slot: null,
    commands: 1,
    bytes: command.length,
    copyTo: (target, at) => target.set(command, at),
    key: () => key,
  }
  return { part, settled: publication.settled }
}

function slice(batch: EventBatch, from: number, to: number, publication: Publication): Part {
  const start = field(batch, from, RecordField.offset)
  const last = to - 1
  const end = field(batch, last, RecordField.offset) + field(batch, last, RecordField.length)
  const bytes = batch.bytes.subarray(start, end)
  return {
    publication,
    slot: batch.slot,
    commands: to - from,
    bytes: bytes.length,
    copyTo: (target, at) => target.set(bytes, at),
    key: (position) => batch.events[field(batch, from + position, RecordField.event)] ?? "",
  }
}

/** Where each slice ends, in records. Most batches are one slice, found without a look at their records. */
function sliceEnds(batch: EventBatch): number[] {
  if (batch.count <= MAX_TRANSACTION_COMMANDS && batch.bytes.length <= MAX_TRANSACTION_BYTES) return [batch.count]
  const ends: number[] = []
  let first = 0
  let bytes = 0
  for (let record = 0; record < batch.count; record += 1) {
    const length = field(batch, record, RecordField.length)
    if (record > first && isFull(record - first, bytes + length)) {
      ends.push(record)
      first = record
      bytes = 0
    }
    bytes += length
  }
  ends.push(batch.count)
  return ends
}

function isFull(commands: number, bytesWithNext: number): boolean {
  return commands >= MAX_TRANSACTION_COMMANDS || bytesWithNext > MAX_TRANSACTION_BYTES
}

function commandAt(batch: EventBatch, record: number): Uint8Array {
  const offset = field(batch, record, RecordField.offset)
  return batch.bytes.subarray(offset, offset + field(batch, record, RecordField.length))
}

function field({ records }: EventBatch, record: number, position: number): number {
  return records[record * RECORD_INTS + position] ?? 0
}
