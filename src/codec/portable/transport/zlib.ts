// zlib-stream with public, synchronous calls: what lies between two flushes is inflated by itself, with the 32 KiB of text
// before it as dictionary. A flush ends with the bytes 00 00 ff ff, which may also occur by chance inside compressed data. To
// tell, a final empty block is put behind them: only after a real flush does that end the stream cleanly.

import { constants, inflateRawSync } from "node:zlib"
import { DecodeError, type DecoderLimits } from "../../decoder.ts"
import { mostTextBytes, tooLarge } from "../bounds.ts"
import { Bytes } from "../bytes.ts"
import type { DeliverText, Transport } from "./transport.ts"

const FLUSH = Buffer.of(0x00, 0x00, 0xff, 0xff)
const FINAL_EMPTY_BLOCK = Uint8Array.of(0x01, 0x00, 0x00, 0xff, 0xff)
const HISTORY_BYTES = 32 * 1024
const HEADER_BYTES = 2
/** Markers inside one message that are no flush. By chance there is one in 4 GB. */
const MAX_FALSE_MARKERS = 16

interface InflateOptions {
  readonly maxOutputLength: number
  readonly dictionary?: Uint8Array
}

export class ZlibTransport implements Transport {
  readonly #limits: DecoderLimits
  /** Compressed bytes of the unfinished message. */
  readonly #pending = new Bytes()
  readonly #history = new Uint8Array(2 * HISTORY_BYTES)
  readonly #input = new Bytes()
  #historyBytes = 0
  #headerRead = false
  /** Where in `#pending` the search for a marker goes on. */
  #searchFrom = 0
  #falseMarkers = 0
  /** How much of `#pending` was there when it was last tried. */
  #triedBytes = 0

  constructor(limits: DecoderLimits) {
    this.#limits = limits
  }

  push(frame: Uint8Array, deliver: DeliverText): void {
    if (this.#pending.length === 0 && this.#headerRead) {
      const used = this.#decode(frame, deliver)
      if (used < frame.length) this.#pending.append(frame.subarray(used))
    } else {
      this.#pending.append(frame)
      if (!this.#headerRead && !this.#readHeader()) return
      const used = this.#decode(this.#pending.view(), deliver)
      if (used > 0) this.#pending.dropFirst(used)
      if (this.#pending.length === 0) this.#pending.clear()
    }
    this.#checkPending()
  }

  reset(): void {
    this.#pending.clear()
    this.#historyBytes = 0
    this.#headerRead = false
    this.#searchFrom = 0
    this.#falseMarkers = 0
    this.#triedBytes = 0
  }

  /** Delivers every whole message in `data`. Returns how many bytes they took. */
  #decode(data: Uint8Array, deliver: DeliverText): number {
    const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    let start = 0
    let from = this.#searchFrom
    for (;;) {
      const marker = buffer.indexOf(FLUSH, from)
      if (marker < 0) break
      const end = marker + FLUSH.length
      const text = this.#inflate(data.subarray(start, end))
      if (text === null) {
        from = marker + 1
        continue
      }
      this.#remember(text)
      if (text.length > 0) deliver(text, end - start)
      start = end
      from = end
    }
    this.#searchFrom = Math.max(from - start, data.length - start - FLUSH.length + 1, 0)
    return start
  }

  /** The text of a whole message, or null when the marker at its end is no flush. */
  #inflate(message: Uint8Array): Uint8Array | null {
    this.#input.clear()
    this.#input.append(message)
    this.#input.append(FINAL_EMPTY_BLOCK)
    const options = this.#options(message.length)
    try {
      const { text, used } = inflate(this.#input.view(), options)
      if (used < this.#input.length) {
        throw new DecodeError("transport", "Cannot inflate the message: the stream ends inside it.")
      }
      this.#falseMarkers = 0
      this.#triedBytes = 0
      return text
    } catch (error) {
      if (error instanceof DecodeError) throw error
      this.#checkUnfinished(message)
      this.#falseMarkers++
      if (this.#falseMarkers <= MAX_FALSE_MARKERS) return null
      throw new DecodeError(
        "transport",
        `Cannot inflate the message: more than ${MAX_FALSE_MARKERS} flush markers inside it are none.`,
      )
    }
  }

  /**
   * Broken bytes may never bring a marker, so what waits is tried now and then: whenever it has doubled, so that no byte
   * is tried more than a few times.
   */
  #checkPending(): void {
    const { length } = this.#pending
    if (length > this.#limits.maxMessageBytes) throw tooLarge(this.#limits.maxMessageBytes, this.#limits)
    if (!this.#headerRead || length === 0 || length < this.#triedBytes * 2) return
    this.#triedBytes = length
    this.#checkUnfinished(this.#pending.view())
  }

  /** @throws DecodeError unless this is the start of a message, as far as it goes. */
  #checkUnfinished(message: Uint8Array): void {
    const options = this.#options(message.length)
    try {
      inflateRawSync(message, { ...options, finishFlush: constants.Z_SYNC_FLUSH })
    } catch (error) {
      if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") throw tooLarge(options.maxOutputLength, this.#limits)
      const reason = error instanceof Error ? error.message : String(error)
      throw new DecodeError("transport", `Cannot inflate the message: ${reason}.`)
    }
  }

  #options(compressedBytes: number): InflateOptions {
    const maxOutputLength = mostTextBytes(compressedBytes, this.#limits)
    if (this.#historyBytes === 0) return { maxOutputLength }
    const dictionary = this.#history.subarray(Math.max(0, this.#historyBytes - HISTORY_BYTES), this.#historyBytes)
    return { maxOutputLength, dictionary }
  }

  #remember(text: Uint8Array): void {
    const recent = text.length > HISTORY_BYTES ? text.subarray(text.length - HISTORY_BYTES) : text
    if (this.#historyBytes + recent.length > this.#history.length) {
      this.#history.copyWithin(0, this.#historyBytes - HISTORY_BYTES, this.#historyBytes)
      this.#historyBytes = HISTORY_BYTES
    }
    this.#history.set(recent, this.#historyBytes)
    this.#historyBytes += recent.length
  }

  /** Takes the stream's header off `#pending`. False when it has not arrived whole. */
  #readHeader(): boolean {
    if (this.#pending.length < HEADER_BYTES) return false
    const [method = 0, flags = 0] = this.#pending.bytes
    const isDeflate = (method & 0x0f) === 8 && method >> 4 <= 7
    const hasDictionary = (flags & 0x20) !== 0
    if (!isDeflate || hasDictionary || (method * 256 + flags) % 31 !== 0) {
      throw new DecodeError("transport", "Cannot inflate the stream: it does not start with a zlib header.")
    }
    this.#pending.dropFirst(HEADER_BYTES)
    this.#headerRead = true
    return true
  }
}

/** `used` is less than the input's length when the stream ended before it. */
function inflate(input: Uint8Array, options: InflateOptions): { readonly text: Uint8Array; readonly used: number } {
  // Documented (`info`) and not in the type definitions.
  const result = inflateRawSync(input, { ...options, info: true }) as unknown as {
    readonly buffer: Uint8Array
    readonly engine: { readonly bytesWritten: number }
  }
  return { text: result.buffer, used: result.engine.bytesWritten }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}
