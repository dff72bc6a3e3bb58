// Finds where a MessagePack value ends, also when it arrives in pieces, without decoding it. Checks what a decoder of
// untrusted bytes must not be handed: a length past the bound, depth past the bound, extension types with behaviour.
// Source: the MessagePack specification, Formats.

import { type Extent, MAX_DEPTH } from "./extent.ts"

/** Timestamp, and what msgpackr writes for `undefined`. Its other types build objects, functions and regular expressions. */
const ALLOWED_EXTENSIONS: ReadonlySet<number> = new Set([0xff, 0x00])

const PARTIAL: Extent = { type: "partial" }

export class MessagePackExtent {
  readonly #maxBytes: number
  /** Bytes taken so far, of this value. */
  #taken = 0
  /** Bytes of a string, a number or the like that are still to be passed over. */
  #skip = 0
  /** The head that is being read: its first byte and the length bytes after it. */
  #head = -1
  #lengthBytes = 0
  #length = 0
  /** Of an extension, the type byte comes after the length. */
  #awaitsType = false
  /** Values still missing, innermost container last. */
  readonly #missing: number[] = [1]

  /** @param maxBytes the largest value, in bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Goes on with the value at `bytes[start]`. Not to be called again after `complete` or `invalid`. */
  push(bytes: Uint8Array, start: number): Extent {
    let position = start
    while (true) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, bytes.length - position)
        this.#skip -= passed
        this.#taken += passed
        position += passed
        if (this.#skip > 0) return PARTIAL
      }
      if (this.#done()) return { type: "complete", end: position }
      const byte = bytes[position]
      if (byte === undefined) return PARTIAL
      position += 1
      this.#taken += 1
      const problem = this.#accept(byte)
      if (problem !== null) return { type: "invalid", at: position - 1, reason: problem }
    }
  }

  /** Closes the containers that are full. True when the value is whole. */
  #done(): boolean {
    if (this.#head !== -1) return false
    while (this.#missing.at(-1) === 0) this.#missing.pop()
    return this.#missing.length === 0
  }

  #accept(byte: number): string | null {
    if (this.#awaitsType) return this.#acceptType(byte)
    if (this.#head !== -1) {
      this.#length = this.#length * 256 + byte
      this.#lengthBytes -= 1
      return this.#lengthBytes > 0 ? null : this.#acceptLength()
    }
    return this.#acceptHead(byte)
  }

  #acceptHead(byte: number): string | null {
    this.#missing[this.#missing.length - 1] = (this.#missing.at(-1) ?? 0) - 1
    if (byte <= 0x7f || byte >= 0xe0) return null
    if (byte <= 0x8f) return this.#open((byte & 0x0f) * 2)
    if (byte <= 0x9f) return this.#open(byte & 0x0f)
    if (byte <= 0xbf) return this.#pass(byte & 0x1f)
    const format = FORMATS[byte - 0xc0]
    if (format === undefined || format.kind === "never")
      return `the byte 0x${byte.toString(16)} is no MessagePack format`
    if (format.lengthBytes === 0)
      return format.kind === "extension" ? this.#openExtension(format.size) : this.#pass(format.size)
    this.#head = byte
    this.#lengthBytes = format.lengthBytes
    this.#length = 0
    return null
  }

  #acceptLength(): string | null {
    const format = FORMATS[this.#head - 0xc0]
    this.#head = -1
    if (format?.kind === "map") return this.#open(this.#length * 2)
    if (format?.kind === "array") return this.#open(this.#length)
    if (format?.kind === "extension") return this.#openExtension(this.#length)
    return this.#pass(this.#length)
  }

  #acceptType(byte: number): string | null {
    this.#awaitsType = false
    this.#head = -1
    if (!ALLOWED_EXTENSIONS.has(byte)) return `extension type 0x${byte.toString(16)} is not accepted`
    return this.#pass(this.#length)
  }

  #openExtension(length: number): string | null {
    this.#head = 0xc7
    this.#length = length
    this.#awaitsType = true
    return null
  }

  #pass(length: number): string | null {
    this.#skip = length
    return this.#taken + length > this.#maxBytes ? this.#tooLarge() : null
  }

  /** Every value within takes a byte at least. */
  #open(values: number): string | null {
    if (this.#taken + values > this.#maxBytes) return this.#tooLarge()
    if (this.#missing.length >= MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH}`
    this.#missing.push(values)
    return null
  }

  #tooLarge(): string {
    return `it is longer than ${this.#maxBytes} bytes`
  }
}

interface Format {
  readonly kind: "plain" | "map" | "array" | "extension" | "never"
  /** How many bytes of length follow the head; 0 when `size` says it. */
  readonly lengthBytes: 0 | 1 | 2 | 4
  readonly size: number
}

const plain = (size: number): Format => ({ kind: "plain", lengthBytes: 0, size })
const sized = (kind: Format["kind"], lengthBytes: Format["lengthBytes"]): Format => ({ kind, lengthBytes, size: 0 })
const extension = (size: number): Format => ({ kind: "extension", lengthBytes: 0, size })

/** 0xc0 to 0xdf. */
const FORMATS: readonly Format[] = [
  plain(0), // nil
  sized("never", 0),
  plain(0), // false
  plain(0), // true
  sized("plain", 1), // bin 8, 16, 32
  sized("plain", 2),
  sized("plain", 4),
  sized("extension", 1),
  sized("extension", 2),
  sized("extension", 4),
  plain(4), // float 32, 64
  plain(8),
  plain(1), // uint 8, 16, 32, 64
  plain(2),
  plain(4),
  plain(8),
  plain(1), // int 8, 16, 32, 64
  plain(2),
  plain(4),
  plain(8),
  extension(1),
  extension(2),
  extension(4),
  extension(8),
  extension(16),
  sized("plain", 1), // str 8, 16, 32
  sized("plain", 2),
  sized("plain", 4),
  sized("array", 2),
  sized("array", 4),
  sized("map", 2),
  sized("map", 4),
]
