// The decoder port over the addon's decoder, which does the work.

import type { ControlPacket, DecodeErrorKind, Decoder, DecoderOptions } from "../decoder.ts"
import { DecodeError } from "../decoder.ts"
import type { Addon, AddonDecoder, AddonDecoderSettings } from "./addon.ts"

/** What the addon's `push` returns for each kind of failure. */
const FAILURES: Readonly<Record<number, DecodeErrorKind>> = {
  [-1]: "transport",
  [-2]: "json",
  [-3]: "envelope",
  [-4]: "limit",
}

export class NativeDecoder implements Decoder {
  readonly #decoder: AddonDecoder

  constructor(addon: Addon, options: DecoderOptions) {
    this.#decoder = new addon.NativeDecoder(settingsOf(options))
  }

  push(frame: Uint8Array): number {
    const control = this.#decoder.push(frame)
    if (control < 0) throw new DecodeError(FAILURES[control] ?? "transport", this.#decoder.failure())
    return control
  }

  takeControl(): ControlPacket[] {
    return this.#decoder.takeControl().map(controlPacket)
  }

  pendingBytes(): number {
    return this.#decoder.pendingBytes()
  }

  pendingEvents(): number {
    return this.#decoder.pendingEvents()
  }

  take(bytes: Uint8Array, records: Int32Array): number {
    return this.#decoder.take(bytes, records)
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

/** The addon has checked the envelope: `op` is an integer, `s` and `t` are what they must be. */
function controlPacket(json: string): ControlPacket {
  const { op, d, s, t } = JSON.parse(json) as ControlPacket
  return op === 0 ? { op, d, s, t } : { op, d, s: null, t: null }
}
