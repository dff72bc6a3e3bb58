// Finds where a JSON object ends, also when it arrives in pieces and over many lines, without decoding it. Strict where
// that tells a message that was never finished from the next one; JSON.parse judges the rest.

import { type Extent, MAX_DEPTH } from "../extent.ts"

const NEWLINE = 0x0a
const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const FIRST_PRINTABLE = 0x20

export class JsonExtent {
  /** The brackets that are open, innermost last. */
  readonly #open: number[] = []
  #inString = false
  #escaped = false
  /** The last byte that was no white space. */
  #previous = 0

  /** Goes on with the object at `bytes[start]`. Not to be called again after `complete` or `invalid`. */
  push(bytes: Uint8Array, start: number): Extent {
    for (let position = start; position < bytes.length; position += 1) {
      const byte = bytes[position] ?? 0
      const reason = this.#inString ? this.#acceptInString(byte) : this.#accept(byte)
      if (reason !== null) return { type: "invalid", at: position, reason }
      if (this.#open.length === 0) return { type: "complete", end: position + 1 }
    }
    return { type: "partial" }
  }

  #acceptInString(byte: number): string | null {
    if (byte < FIRST_PRINTABLE)
      return byte === NEWLINE ? "a line ends within a string" : "a string holds a control character"
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else if (byte === QUOTE) this.#inString = false
    return null
  }

  #accept(byte: number): string | null {
    if (byte <= FIRST_PRINTABLE) return null
    let reason: string | null = null
    if (byte === QUOTE) this.#inString = true
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) reason = this.#acceptOpen(byte)
    else if (byte === CLOSE_OBJECT) reason = this.#acceptClose(OPEN_OBJECT)
    else if (byte === CLOSE_ARRAY) reason = this.#acceptClose(OPEN_ARRAY)
    this.#previous = byte
    return reason
  }

  #acceptOpen(byte: number): string | null {
    const container = this.#open.at(-1)
    const inArray = container === OPEN_ARRAY && (this.#previous === OPEN_ARRAY || this.#previous === COMMA)
    const inObject = container === OPEN_OBJECT && this.#previous === COLON
    if (container !== undefined && !inArray && !inObject) return "a bracket opens where no value may begin"
    if (this.#open.length >= MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH}`
    this.#open.push(byte)
    return null
  }

  #acceptClose(opened: number): string | null {
    return this.#open.pop() === opened ? null : "a bracket closes that was not open"
  }
}
