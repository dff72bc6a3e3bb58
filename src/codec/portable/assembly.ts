// Puts pieces of text together to payloads. A payload is one JSON object; where it ends is told by the text alone, so that
// it makes no difference how the text came: a payload in one piece, in many, or many in one.

import type { DecoderLimits } from "../decoder.ts"
import { mostTextBytes, tooLarge } from "./bounds.ts"
import { Bytes } from "./bytes.ts"
import { PayloadScanner } from "./scanner.ts"

/** Gets a whole payload and the raw text of its `d`, empty where it has none. Both are valid during the call only. */
export type OnPayload = (payload: Uint8Array, d: Uint8Array) => void

export class PayloadAssembly {
  readonly #limits: DecoderLimits
  readonly #onPayload: OnPayload
  readonly #scanner = new PayloadScanner()
  /** The text of the unfinished payload. */
  readonly #partial = new Bytes()
  /** What that text, with the piece at hand, was compressed to. */
  #compressedBytes = 0

  constructor(limits: DecoderLimits, onPayload: OnPayload) {
    this.#limits = limits
    this.#onPayload = onPayload
  }

  /** @throws DecodeError, or what `onPayload` throws; only `reset` helps then. */
  push(piece: Uint8Array, compressedBytes: number): void {
    this.#compressedBytes += compressedBytes
    if (this.#partial.length === 0) {
      this.#partial.append(this.#payloads(piece))
      return
    }
    this.#partial.append(piece)
    const rest = this.#payloads(this.#partial.view())
    if (rest.length === 0) this.#partial.clear()
    else this.#partial.dropFirst(this.#partial.length - rest.length)
  }

  reset(): void {
    this.#scanner.restart()
    this.#partial.clear()
    this.#compressedBytes = 0
  }

  /** Hands on every whole payload and returns the text behind the last one. */
  #payloads(text: Uint8Array): Uint8Array {
    let rest = text
    while (rest.length > 0) {
      const end = this.#scanner.scan(rest)
      this.#checkSize(end < 0 ? rest.length : end)
      if (end < 0) return this.#scanner.isIdle ? this.#skip(rest) : rest
      const { dStart, dEnd } = this.#scanner
      this.#scanner.restart()
      this.#onPayload(rest.subarray(0, end), rest.subarray(dStart, dEnd))
      rest = rest.subarray(end)
      this.#compressedBytes = 0
    }
    return rest
  }

  /** White space between payloads is nobody's. */
  #skip(text: Uint8Array): Uint8Array {
    this.#scanner.restart()
    return text.subarray(text.length)
  }

  #checkSize(bytes: number): void {
    const most = mostTextBytes(this.#compressedBytes, this.#limits)
    if (bytes > most) throw tooLarge(most, this.#limits)
  }
}
