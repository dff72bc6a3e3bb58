// zstd-stream: one zstd frame that does not end, flushed after every message. Node's and Bun's zstd keep no history between
// synchronous calls, so the blocks are cut apart and checked here, and `fzstd` decompresses them.

import { Decompress } from "fzstd"
import type { DecoderLimits } from "../../decoder.ts"
import { DecodeError } from "../../decoder.ts"
import { Bytes } from "../bytes.ts"
import type { DeliverText, Transport } from "./transport.ts"
import { broken, CHECKSUM_BYTES, readBlockHeader, readFrameHeader } from "./zstd-frame.ts"

type Expected = "frame" | "block" | "checksum"

export class ZstdTransport implements Transport {
  readonly #maxWindowBytes: number
  /** Bytes of an unfinished header or block. */
  readonly #pending = new Bytes()
  #expected: Expected = "frame"
  #hasChecksum = false
  #decompress: Decompress | undefined
  #pieces: Uint8Array[] = []

  constructor({ maxWindowLog }: DecoderLimits) {
    this.#maxWindowBytes = 2 ** maxWindowLog
  }

  push(frame: Uint8Array, deliver: DeliverText): void {
    if (this.#pending.length === 0) {
      const used = this.#decode(frame, deliver)
      this.#pending.append(frame.subarray(used))
      return
    }
    this.#pending.append(frame)
    const used = this.#decode(this.#pending.view(), deliver)
    this.#pending.dropFirst(used)
    if (this.#pending.length === 0) this.#pending.clear()
  }

  reset(): void {
    this.#pending.clear()
    this.#expected = "frame"
    this.#decompress = undefined
    this.#pieces = []
  }

  /** Delivers the text of every whole block in `data`. Returns how many bytes are done with. */
  #decode(data: Uint8Array, deliver: DeliverText): number {
    let at = 0
    while (at < data.length) {
      const used = this.#part(data.subarray(at), deliver)
      if (used === 0) break
      at += used
    }
    return at
  }

  /** Reads a header, block or checksum. Returns its bytes, or 0 when it is not there whole. */
  #part(data: Uint8Array, deliver: DeliverText): number {
    if (this.#expected === "frame") return this.#frameHeader(data)
    if (this.#expected === "block") return this.#block(data, deliver)
    if (data.length < CHECKSUM_BYTES) return 0
    this.#expected = "frame"
    return CHECKSUM_BYTES
  }

  #frameHeader(data: Uint8Array): number {
    const header = readFrameHeader(data)
    if (header === undefined) return 0
    const { headerBytes, windowBytes, hasChecksum } = header
    if (windowBytes > this.#maxWindowBytes) {
      throw new DecodeError(
        "limit",
        `Cannot decompress the stream: its window is ${windowBytes} bytes, more than ${this.#maxWindowBytes}.`,
      )
    }
    this.#hasChecksum = hasChecksum
    this.#decompress = new Decompress((piece) => void this.#pieces.push(piece))
    // A copy, because fzstd keeps it until the first block comes.
    this.#feed(data.slice(0, headerBytes))
    this.#expected = "block"
    return headerBytes
  }

  #block(data: Uint8Array, deliver: DeliverText): number {
    const header = readBlockHeader(data)
    if (header === undefined || data.length < header.blockBytes) return 0
    this.#feed(data.subarray(0, header.blockBytes))
    if (header.isLast) {
      this.#decompress = undefined
      this.#expected = this.#hasChecksum ? "checksum" : "frame"
    }
    const pieces = this.#pieces
    this.#pieces = []
    for (const piece of pieces) {
      if (piece.length > 0) deliver(piece, header.blockBytes)
    }
    return header.blockBytes
  }

  #feed(bytes: Uint8Array): void {
    try {
      this.#decompress?.push(bytes)
    } catch (error) {
      throw broken(error instanceof Error ? error.message : String(error))
    }
  }
}
