// A decoder for the simulation: frames are JSON text, events are `session:sequence` lines. "garbage" cannot be decoded.

import { RECORD_INTS, RecordField } from "../../../src/codec/batch.ts"
import { type ControlPacket, DecodeError, type Decoder } from "../../../src/codec/decoder.ts"

const LINE_BYTES = 24
const READY_AND_RESUMED = ["READY", "RESUMED"]

export function eventLine(sessionId: string, sequence: number): string {
  return `${sessionId}:${sequence}`.padEnd(LINE_BYTES - 1).concat("\n")
}

export function linesOf(bytes: Uint8Array): string[] {
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
}

export function modelDecoder(): Decoder {
  let control: ControlPacket[] = []
  let events: { readonly line: string; readonly sequence: number }[] = []
  let sequence = 0
  let sessionId = ""
  const onDispatch = ({ s, t, d }: ControlPacket) => {
    if (s !== null) sequence = s
    if (t === "READY") sessionId = (d as { session_id: string }).session_id
    if (t !== null && !READY_AND_RESUMED.includes(t) && t !== "DROPPED") {
      events.push({ line: eventLine(sessionId, sequence), sequence })
    }
  }
  return {
    push(frame) {
      const text = new TextDecoder().decode(frame)
      if (text === "garbage") throw new DecodeError("json", "garbage")
      const packet = JSON.parse(text) as ControlPacket
      if (packet.op === 0) onDispatch(packet)
      if (packet.op !== 0 || READY_AND_RESUMED.includes(packet.t ?? "")) control.push(packet)
      return control.length
    },
    takeControl() {
      const taken = control
      control = []
      return taken
    },
    pendingBytes: () => events.length * LINE_BYTES,
    pendingEvents: () => events.length,
    take(bytes, records) {
      const most = Math.min(Math.floor(bytes.length / LINE_BYTES), Math.floor(records.length / RECORD_INTS))
      const taken = events.slice(0, most)
      events = events.slice(most)
      bytes.set(new TextEncoder().encode(taken.map(({ line }) => line).join("")))
      taken.forEach((event, index) => {
        records.fill(0, index * RECORD_INTS, (index + 1) * RECORD_INTS)
        records[index * RECORD_INTS + RecordField.sequenceLow] = event.sequence
        records[index * RECORD_INTS + RecordField.offset] = index * LINE_BYTES
        records[index * RECORD_INTS + RecordField.length] = LINE_BYTES
      })
      return taken.length
    },
    lastSequence: () => sequence,
    resume(id, from) {
      sessionId = id
      sequence = from
    },
    setTime: () => {},
    counts: () => new Float64Array(1),
    reset: () => {
      control = []
    },
    close: () => {},
  }
}
