// Encoded events that wait to be taken: one buffer of bytes and one array of records, both reused.

import { RECORD_INTS, RecordField } from "../batch.ts"
import { DecodeError } from "../decoder.ts"
import { Bytes } from "./bytes.ts"

const FIRST_RECORDS = 256
/** Offsets are Int32, so that a record stays five integers. */
const MAX_WAITING_BYTES = 1024 * 1024 * 1024

export class WaitingEvents {
  readonly #bytes = new Bytes()
  #records = new Int32Array(FIRST_RECORDS * RECORD_INTS)
  /** Records that were taken and still lie at the front. */
  #taken = 0
  #count = 0
  /** Where the waiting events lie in `#bytes`. */
  #start = 0
  #end = 0

  get events(): number {
    return this.#count - this.#taken
  }

  get waitingBytes(): number {
    return this.#end - this.#start
  }

  /** The buffer at whose end the next event is to be written. What was written and not committed is forgotten. */
  open(): Bytes {
    this.#compact()
    this.#bytes.length = this.#end
    return this.#bytes
  }

  /** Makes what was written since `open` one event. */
  commit(event: number, sequence: number): void {
    const start = this.#end
    const end = this.#bytes.length
    if (end > MAX_WAITING_BYTES) {
      throw new DecodeError("limit", `Cannot hold more than ${MAX_WAITING_BYTES} bytes of events: take them sooner.`)
    }
    const at = this.#count * RECORD_INTS
    if (at + RECORD_INTS > this.#records.length) this.#growRecords()
    this.#records[at + RecordField.event] = event
    this.#records[at + RecordField.sequenceLow] = sequence | 0
    this.#records[at + RecordField.sequenceHigh] = Math.floor(sequence / 2 ** 32)
    this.#records[at + RecordField.offset] = start
    this.#records[at + RecordField.length] = end - start
    this.#end = end
    this.#count++
  }

  /** Copies as many whole events as fit both arrays, and forgets them. */
  take(bytes: Uint8Array, records: Int32Array): number {
    const most = Math.min(this.events, Math.floor(records.length / RECORD_INTS))
    const first = this.#taken
    let end = this.#start
    let copied = 0
    while (copied < most) {
      const length = this.#records[(first + copied) * RECORD_INTS + RecordField.length] ?? 0
      if (end - this.#start + length > bytes.length) break
      end += length
      copied++
    }
    if (copied === 0) return 0
    bytes.set(this.#bytes.bytes.subarray(this.#start, end))
    records.set(this.#records.subarray(first * RECORD_INTS, (first + copied) * RECORD_INTS))
    for (let i = 0; i < copied; i++) {
      const at = i * RECORD_INTS + RecordField.offset
      records[at] = (records[at] ?? 0) - this.#start
    }
    this.#taken += copied
    this.#start = end
    if (this.events === 0) this.#clear()
    return copied
  }

  #clear(): void {
    this.#bytes.clear()
    this.#taken = 0
    this.#count = 0
    this.#start = 0
    this.#end = 0
  }

  /** Moves what waits to the front once more than half of the buffer is taken, so that a partly taken queue does not creep. */
  #compact(): void {
    if (this.#start === 0 || this.#start < this.#end / 2) return
    for (let i = 0; i < this.events; i++) {
      const from = (this.#taken + i) * RECORD_INTS
      this.#records.copyWithin(i * RECORD_INTS, from, from + RECORD_INTS)
      const at = i * RECORD_INTS + RecordField.offset
      this.#records[at] = (this.#records[at] ?? 0) - this.#start
    }
    this.#bytes.dropFirst(this.#start)
    this.#end -= this.#start
    this.#count -= this.#taken
    this.#taken = 0
    this.#start = 0
  }

  #growRecords(): void {
    const grown = new Int32Array(this.#records.length * 2)
    grown.set(this.#records)
    this.#records = grown
  }
}
