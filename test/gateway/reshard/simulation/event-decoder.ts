// A decoder for the simulation: what is pushed is one dispatch as JSON, and what is taken is its `d`.

import { RECORD_INTS, RecordField } from "../../../../src/codec/batch.ts"
import type { Decoder } from "../../../../src/codec/decoder.ts"

export interface Dispatch {
  readonly t: string
  readonly s: number
  readonly d: unknown
}

export function eventDecoder(events: readonly string[]): Decoder & { readonly receive: (dispatch: Dispatch) => void } {
  let waiting: { readonly event: number; readonly sequence: number; readonly bytes: Uint8Array }[] = []
  let sequence = 0
  const decoder = {
    receive({ t, s, d }: Dispatch) {
      sequence = s
      waiting.push({ event: events.indexOf(t), sequence: s, bytes: Buffer.from(JSON.stringify(d)) })
    },
    push: () => 0,
    takeControl: () => [],
    pendingBytes: () => waiting.reduce((sum, { bytes }) => sum + bytes.length, 0),
    pendingEvents: () => waiting.length,
    take(bytes: Uint8Array, records: Int32Array) {
      let offset = 0
      for (const [index, event] of waiting.entries()) {
        const at = index * RECORD_INTS
        records[at + RecordField.event] = event.event
        records[at + RecordField.sequenceLow] = event.sequence
        records[at + RecordField.sequenceHigh] = 0
        records[at + RecordField.offset] = offset
        records[at + RecordField.length] = event.bytes.length
        bytes.set(event.bytes, offset)
        offset += event.bytes.length
      }
      const count = waiting.length
      waiting = []
      return count
    },
    lastSequence: () => sequence,
    resume(_sessionId: string, from: number) {
      sequence = from
    },
    setTime: () => {},
    counts: () => new Float64Array(1),
    reset: () => {},
    close: () => {},
  }
  return decoder
}
