// What the addon exports (native/src/bindings.rs), typed by hand.

import type { Compression } from "../../discord/gateway-url.ts"
import type { Body, Framing } from "../encoding.ts"

export interface Addon {
  version(): string
  /** Which scan kernel it was built with: `sse2` or `swar`. */
  kernel(): string
  readonly NativeDecoder: new (settings: AddonDecoderSettings) => AddonDecoder
  readonly NativeEncoder: new (compression: Compression) => AddonEncoder
  /** Decompression alone, for benchmarks. */
  readonly BareInflate: new (
    compression: Compression,
  ) => { push(frame: Uint8Array): number }
}

export interface AddonDecoderSettings {
  readonly compression: Compression
  readonly body: Body
  readonly framing: Framing["type"]
  readonly retentionMs?: number
  readonly maxLength?: number
  readonly events: readonly string[]
  /** One for each of `events`. */
  readonly wanted: readonly boolean[]
  readonly shard: number
  readonly maxMessageBytes: number
  readonly maxRatio: number
  readonly maxWindowLog: number
}

export interface AddonDecoder {
  /** Returns how many control packets wait, or one of FAILURES below 0. */
  push(frame: Uint8Array): number
  /** The sentence for the last failure. */
  failure(): string
  takeControl(): string[]
  pendingBytes(): number
  pendingEvents(): number
  take(bytes: Uint8Array, records: Int32Array): number
  lastSequence(): number
  resume(sessionId: string, sequence: number): void
  setTime(unixMs: number): void
  counts(): Float64Array
  reset(): void
  close(): void
}

export interface AddonEncoder {
  encode(json: Uint8Array): Uint8Array
  close(): void
}
