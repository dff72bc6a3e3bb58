// The port from a connection's transport bytes to packets. Two codecs implement it: native/ and portable/.
// One decoder a connection. Dispatches that somebody asked for are encoded for the broker and wait inside until they are
// taken; every other packet, and READY and RESUMED in addition, comes out as a control packet for the protocol.

import type { Compression } from "../discord/gateway-url.ts"
import type { Encoding } from "./encoding.ts"

export interface DecoderLimits {
  /** The largest decompressed message. */
  readonly maxMessageBytes: number
  /** The most decompressed bytes for one compressed byte, once a message is larger than 1 MiB. */
  readonly maxRatio: number
  /** The largest zstd window, as a power of two. */
  readonly maxWindowLog: number
}

export interface DecoderOptions {
  readonly compression: Compression
  readonly encoding: Encoding
  /** Every event name that is counted by itself; the others share one count. */
  readonly events: readonly string[]
  /** Those of `events` that are published. The rest are counted and dropped right after the envelope. */
  readonly wanted: ReadonlySet<string>
  readonly shard: number
  readonly limits: DecoderLimits
}

/** A packet for the protocol, whole. `s` and `t` are null unless `op` is 0. */
export interface ControlPacket {
  readonly op: number
  readonly d: unknown
  readonly s: number | null
  readonly t: string | null
}

export interface Decoder {
  /**
   * Decodes what one WebSocket frame brings: a part of a message, one, or several.
   * The frame may be reused as soon as this returns.
   * @returns how many control packets wait in `takeControl`: usually 0.
   * @throws DecodeError; the connection's stream is lost then: `reset`, reconnect and resume.
   */
  push(frame: Uint8Array): number

  /** The control packets since the last call, oldest first. At most 1,024 wait; `push` throws past that. */
  takeControl(): ControlPacket[]

  /** Bytes of encoded events that wait to be taken. */
  pendingBytes(): number
  /** Encoded events that wait to be taken. */
  pendingEvents(): number
  /**
   * Copies the waiting events to the start of `bytes`, their records to the start of `records`, and forgets them.
   * The arrays are the caller's before and after. Whole events only: as many as fit both.
   * @returns how many events were copied. 0 with events waiting: the first is larger than `bytes`.
   */
  take(bytes: Uint8Array, records: Int32Array): number

  /** The sequence of the last dispatch decoded, published or dropped; 0 before the first. Past it nothing was decoded. */
  lastSequence(): number
  /** The session that `id`s are made of. READY sets it by itself; a resume must set it and the sequence before its first frame. */
  resume(sessionId: string, sequence: number): void
  /** Unix ms that trimming by age counts from. Never read from a clock inside. */
  setTime(unixMs: number): void

  /** Dispatches decoded so far: one count for each of `events`, then one for all other names. */
  counts(): Float64Array

  /** Forgets the connection's compression history and any half message, for a new connection. Waiting events stay. */
  reset(): void
  /** Frees what is held. Any call after it throws. */
  close(): void
}

/** `transport`: broken compression. `json`: not JSON. `envelope`: JSON, but no gateway payload. `limit`: a bound was passed. */
export type DecodeErrorKind = "transport" | "json" | "envelope" | "limit"

export class DecodeError extends Error {
  override readonly name = "DecodeError"
  readonly kind: DecodeErrorKind

  constructor(kind: DecodeErrorKind, message: string) {
    super(message)
    this.kind = kind
  }
}

export const DEFAULT_DECODER_LIMITS: DecoderLimits = {
  maxMessageBytes: 64 * 1024 * 1024,
  maxRatio: 500,
  maxWindowLog: 23,
}
