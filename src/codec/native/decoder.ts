// The decoder port over the addon's decoder, which does the work.

import { RECORD_INTS, RecordField } from "../batch.ts"
import { type ControlPacket, DecodeError, type Decoder, type DecoderOptions } from "../decoder.ts"
import {
  type Addon,
  type AddonDecoder,
  type AddonDecoderSettings,
  CONTROL_WAITS,
  EVENTS_UNIT,
  FAILURES,
} from "./addon.ts"

export class NativeDecoder implements Decoder {
  readonly #decoder: AddonDecoder
  readonly #push: (frame: Uint8Array) => number
  // What waits, kept here because asking the addon costs a tenth of decoding an event.
  #pendingEvents = 0
  #pendingBytes = 0
  #closed = false

  constructor(addon: Addon, options: DecoderOptions) {
    this.#decoder = new addon.NativeDecoder(settingsOf(options))
    this.#push = this.#decoder.pushFunction()
  }

  push(frame: Uint8Array): number {
    const waiting = this.#push(frame)
    if (waiting < 0) return this.#pushedControl(waiting)
    this.#pendingEvents = Math.floor(waiting / EVENTS_UNIT)
    this.#pendingBytes = waiting - this.#pendingEvents * EVENTS_UNIT
    return 0
  }

  /** Events that came before a failure wait too. */
  #pushedControl(outcome: number): number {
    this.#pendingEvents = this.#decoder.pendingEvents()
    this.#pendingBytes = this.#decoder.pendingBytes()
    if (outcome === CONTROL_WAITS) return this.#decoder.controlWaiting()
    throw new DecodeError(FAILURES[outcome] ?? "transport", this.#decoder.failure())
  }

  takeControl(): ControlPacket[] {
    return this.#decoder.takeControl().map(controlPacket)
  }

  pendingBytes(): number {
    this.#assertOpen()
    return this.#pendingBytes
  }

  pendingEvents(): number {
    this.#assertOpen()
    return this.#pendingEvents
  }

  take(bytes: Uint8Array, records: Int32Array): number {
    const count = this.#decoder.take(bytes, records)
    if (count > 0) {
      const last = (count - 1) * RECORD_INTS
      this.#pendingEvents -= count
      this.#pendingBytes -= (records[last + RecordField.offset] ?? 0) + (records[last + RecordField.length] ?? 0)
    }
    return count
  }

  lastSequence(): number {
    return this.#decoder.lastSequence()
  }

  resume(sessionId: string, sequence: number): void {
    this.#decoder.resume(sessionId, sequence)
  }

  setTime(unixMs: number): void {
    this.#decoder.setTime(unixMs)
  }

  counts(): Float64Array {
    return this.#decoder.counts()
  }

  reset(): void {
    this.#decoder.reset()
  }

  close(): void {
    this.#decoder.close()
    this.#closed = true
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error("Cannot use the decoder: it was closed.")
  }
}

function settingsOf({ compression, encoding, events, wanted, shard, limits }: DecoderOptions): AddonDecoderSettings {
  const { framing } = encoding
  return {
    compression,
    body: encoding.body,
    framing: framing.type,
    ...(framing.type === "redis" && framing.retentionMs !== undefined ? { retentionMs: framing.retentionMs } : {}),
    ...(framing.type === "redis" && framing.maxLength !== undefined ? { maxLength: framing.maxLength } : {}),
    events,
    wanted: events.map((event) => wanted.has(event)),
    shard,
    ...limits,
  }
}

/** The addon has checked the envelope. */
function controlPacket(json: string): ControlPacket {
  const { op, d = null, s, t } = JSON.parse(json) as ControlPacket
  return op === 0 ? { op, d, s, t } : { op, d, s: null, t: null }
}
