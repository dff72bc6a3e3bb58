// The decoder in plain TypeScript: public APIs only, slower than the native one and equal to it in every value.

import { type ControlPacket, DecodeError, type Decoder, type DecoderOptions } from "../decoder.ts"
import { PayloadAssembly } from "./assembly.ts"
import { writeBody } from "./body.ts"
import { Bytes } from "./bytes.ts"
import { WaitingEvents } from "./events.ts"
import { framing, type WriteFrame } from "./framing.ts"
import {
  type Dispatch,
  decodeText,
  isObject,
  mayHoldLongIntegers,
  parseExact,
  parseJson,
  readEnvelope,
} from "./payload.ts"
import { plainTransport } from "./transport/none.ts"
import type { DeliverText, Transport } from "./transport/transport.ts"
import { ZlibTransport } from "./transport/zlib.ts"
import { ZstdTransport } from "./transport/zstd.ts"

const MAX_CONTROL_PACKETS = 1024

export class PortableDecoder implements Decoder {
  readonly #options: DecoderOptions
  readonly #transport: Transport
  readonly #writeFrame: WriteFrame
  readonly #eventIndex: ReadonlyMap<string, number>
  readonly #counts: Float64Array
  readonly #waiting = new WaitingEvents()
  readonly #body = new Bytes()
  readonly #assembly: PayloadAssembly
  readonly #deliver: DeliverText
  #control: ControlPacket[] = []
  #sessionId = ""
  #lastSequence = 0
  #unixMs = 0
  /** After an error, until `reset`: whatever came next would be read with the wrong history. */
  #lost = false
  #closed = false

  constructor(options: DecoderOptions) {
    this.#options = options
    this.#transport = transport(options)
    this.#assembly = new PayloadAssembly(options.limits, (payload, d) => this.#payload(payload, d))
    this.#deliver = (piece, compressedBytes) => this.#assembly.push(piece, compressedBytes)
    this.#writeFrame = framing(options.encoding, options.events)
    this.#eventIndex = new Map(options.events.map((name, index) => [name, index]))
    this.#counts = new Float64Array(options.events.length + 1)
  }

  push(frame: Uint8Array): number {
    this.#assertOpen()
    if (this.#lost) {
      throw new DecodeError(
        "transport",
        "Cannot decode: an earlier frame was broken. Reset the decoder for a new connection.",
      )
    }
    try {
      this.#transport.push(frame, this.#deliver)
    } catch (error) {
      this.#lost = true
      throw error
    }
    return this.#control.length
  }

  takeControl(): ControlPacket[] {
    this.#assertOpen()
    const packets = this.#control
    this.#control = []
    return packets
  }

  pendingBytes(): number {
    this.#assertOpen()
    return this.#waiting.waitingBytes
  }

  pendingEvents(): number {
    this.#assertOpen()
    return this.#waiting.events
  }

  take(bytes: Uint8Array, records: Int32Array): number {
    this.#assertOpen()
    return this.#waiting.take(bytes, records)
  }

  lastSequence(): number {
    this.#assertOpen()
    return this.#lastSequence
  }

  resume(sessionId: string, sequence: number): void {
    this.#assertOpen()
    this.#sessionId = sessionId
    this.#lastSequence = sequence
  }

  setTime(unixMs: number): void {
    this.#assertOpen()
    this.#unixMs = unixMs
  }

  counts(): Float64Array {
    this.#assertOpen()
    return this.#counts.slice()
  }

  reset(): void {
    this.#assertOpen()
    this.#transport.reset()
    this.#assembly.reset()
    this.#lost = false
  }

  close(): void {
    this.#transport.reset()
    this.#assembly.reset()
    this.#closed = true
  }

  #payload(bytes: Uint8Array, rawD: Uint8Array): void {
    const text = decodeText(bytes)
    const payload = readEnvelope(parseJson(text))
    if (payload.t === null) this.#addControl(payload)
    else this.#dispatch(payload, text, rawD)
  }

  #dispatch(dispatch: Dispatch, text: string, rawD: Uint8Array): void {
    const { s, t, d } = dispatch
    const index = this.#eventIndex.get(t)
    if (t === "READY") this.#startSession(d)
    if (t === "READY" || t === "RESUMED") this.#addControl(dispatch)
    if (index !== undefined && this.#options.wanted.has(t)) {
      const { body } = this.#options.encoding
      const exact = body === "json" || !mayHoldLongIntegers(text) ? dispatch : { ...dispatch, d: exactD(text) }
      this.#body.clear()
      writeBody(this.#body, body, exact, rawD, this.#options.shard)
      this.#writeFrame(this.#waiting.open(), index, this.#body.view(), {
        sessionId: this.#sessionId,
        sequence: s,
        unixMs: this.#unixMs,
      })
      this.#waiting.commit(index, s)
    }
    const count = index ?? this.#options.events.length
    this.#counts[count] = (this.#counts[count] ?? 0) + 1
    this.#lastSequence = s
  }

  #startSession(d: unknown): void {
    const sessionId = isObject(d) ? d["session_id"] : undefined
    if (typeof sessionId !== "string") {
      throw new DecodeError("envelope", "Cannot start the session: READY has no session_id.")
    }
    this.#sessionId = sessionId
  }

  #addControl(packet: ControlPacket): void {
    if (this.#control.length >= MAX_CONTROL_PACKETS) {
      throw new DecodeError(
        "limit",
        `Cannot hold more than ${MAX_CONTROL_PACKETS} control packets: take them after every push.`,
      )
    }
    this.#control.push(packet)
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error("Cannot use the decoder: it was closed.")
  }
}

function transport({ compression, limits }: DecoderOptions): Transport {
  switch (compression) {
    case "none":
      return plainTransport()
    case "zlib":
      return new ZlibTransport(limits)
    case "zstd":
      return new ZstdTransport(limits)
  }
}

/** `d` once more, with integers past 2^53 as they stand. */
function exactD(text: string): unknown {
  const payload = parseExact(text)
  return isObject(payload) ? (payload["d"] ?? null) : null
}
