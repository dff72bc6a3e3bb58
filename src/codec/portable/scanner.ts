// Finds where one payload ends and the next begins in text that arrives in pieces, and on the way where the raw text of
// `d` lies. It follows JSON's structure strictly, so that a cut payload is noticed when the next one follows it, and
// leaves numbers, literals and escapes to JSON.parse. Each byte is looked at once.

import { DecodeError } from "../decoder.ts"

/** Containers within one another, the payload itself included. */
const MAX_DEPTH = 256

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const LAST_CONTROL = 0x1f
const LETTER_D = 0x64
/** `d` as an escape, the only other way to write that key. */
const ESCAPED_D = [0x5c, 0x75, 0x30, 0x30, 0x36, 0x34]

/** The first bytes of JSON values that are no objects. */
const STARTS_OTHER_VALUE = [...new TextEncoder().encode('["-0123456789tfn')]

/** What the next byte that is no white space may be. */
const Next = {
  Payload: 0,
  KeyOrClose: 1,
  Key: 2,
  Colon: 3,
  Value: 4,
  ValueOrClose: 5,
  CommaOrClose: 6,
  /** Inside a number or a literal. */
  Scalar: 7,
  InKey: 8,
  InString: 9,
} as const
type Next = (typeof Next)[keyof typeof Next]

export class PayloadScanner {
  #next: Next = Next.Payload
  #at = 0
  #depth = 0
  /** For each open container the byte that closes it. */
  readonly #closers = new Uint8Array(MAX_DEPTH)
  #tokenStart = 0
  #keyIsD = false
  #dStart = 0
  #dEnd = 0

  /** Where the raw text of the payload's last `d` lies, without white space around it; both 0 when there is none. */
  get dStart(): number {
    return this.#dStart
  }
  get dEnd(): number {
    return this.#dEnd
  }

  /** Nothing but white space was seen. */
  get isIdle(): boolean {
    return this.#next === Next.Payload
  }

  /** Starts on the next payload. */
  restart(): void {
    this.#next = Next.Payload
    this.#at = 0
    this.#depth = 0
    this.#keyIsD = false
    this.#dStart = 0
    this.#dEnd = 0
  }

  /**
   * Goes on in `text`, which starts with what earlier calls saw.
   * @returns where the payload ends, or -1 when it does not end in `text`.
   * @throws DecodeError when this cannot become a payload, or nests too deep.
   */
  scan(text: Uint8Array): number {
    const end = text.length
    while (this.#at < end) {
      if (this.#next >= Next.InKey) {
        if (!this.#scanString(text)) return -1
        continue
      }
      const byte = text[this.#at] ?? 0
      if (isSpace(byte)) {
        if (this.#next === Next.Scalar) this.#endValue(this.#at)
        this.#at++
        continue
      }
      if (this.#next === Next.Scalar) {
        if (isScalar(byte)) {
          this.#at++
          continue
        }
        this.#endValue(this.#at)
      }
      if (this.#structure(byte)) return this.#at
    }
    return -1
  }

  /** One byte of structure, or the first of a key or value. True at the payload's end. */
  #structure(byte: number): boolean {
    const at = this.#at++
    switch (this.#next) {
      case Next.Payload:
        if (byte !== OPEN_OBJECT) throw noPayload(byte)
        this.#open(CLOSE_OBJECT, at)
        return false
      case Next.KeyOrClose:
        if (byte === CLOSE_OBJECT) return this.#close(byte, at)
        this.#openKey(byte, at)
        return false
      case Next.Key:
        this.#openKey(byte, at)
        return false
      case Next.Colon:
        if (byte !== COLON) throw unexpected(byte, at)
        this.#next = Next.Value
        return false
      case Next.ValueOrClose:
        if (byte === CLOSE_ARRAY) return this.#close(byte, at)
        this.#openValue(byte, at)
        return false
      case Next.Value:
        this.#openValue(byte, at)
        return false
      default:
        if (byte !== COMMA) return this.#close(byte, at)
        this.#next = this.#closers[this.#depth - 1] === CLOSE_OBJECT ? Next.Key : Next.Value
        return false
    }
  }

  #openKey(byte: number, at: number): void {
    if (byte !== QUOTE) throw unexpected(byte, at)
    this.#tokenStart = at
    this.#next = Next.InKey
  }

  #openValue(byte: number, at: number): void {
    if (this.#depth === 1 && this.#keyIsD) this.#dStart = at
    if (byte === OPEN_OBJECT) this.#open(CLOSE_OBJECT, at)
    else if (byte === OPEN_ARRAY) this.#open(CLOSE_ARRAY, at)
    else if (byte === QUOTE) this.#next = Next.InString
    else if (isScalar(byte)) this.#next = Next.Scalar
    else throw unexpected(byte, at)
  }

  #open(closer: number, at: number): void {
    if (this.#depth === MAX_DEPTH) {
      throw new DecodeError(
        "limit",
        `Cannot read the payload: at byte ${at} it nests deeper than ${MAX_DEPTH} containers.`,
      )
    }
    this.#closers[this.#depth++] = closer
    this.#next = closer === CLOSE_OBJECT ? Next.KeyOrClose : Next.ValueOrClose
  }

  #close(byte: number, at: number): boolean {
    if (byte !== this.#closers[this.#depth - 1]) throw unexpected(byte, at)
    this.#depth--
    this.#endValue(at + 1)
    return this.#depth === 0
  }

  #endValue(end: number): void {
    if (this.#depth === 1 && this.#keyIsD) this.#dEnd = end
    this.#next = Next.CommaOrClose
  }

  /** Goes on in a string. False when it does not end in `text`. */
  #scanString(text: Uint8Array): boolean {
    const end = text.length
    let at = this.#at
    while (at < end) {
      const byte = text[at] ?? 0
      if (byte === QUOTE) {
        this.#at = at + 1
        this.#endString(text, at)
        return true
      }
      if (byte <= LAST_CONTROL) throw unexpected(byte, at)
      if (byte === BACKSLASH) {
        // The escaped byte must be there too, or the next call would take it for one that is not escaped.
        if (at + 1 === end) break
        at++
      }
      at++
    }
    this.#at = at
    return false
  }

  #endString(text: Uint8Array, close: number): void {
    if (this.#next === Next.InString) return this.#endValue(close + 1)
    if (this.#depth === 1) this.#keyIsD = isD(text, this.#tokenStart + 1, close)
    this.#next = Next.Colon
  }
}

function isD(text: Uint8Array, start: number, end: number): boolean {
  if (end - start === 1) return text[start] === LETTER_D
  return end - start === ESCAPED_D.length && ESCAPED_D.every((byte, i) => text[start + i] === byte)
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** A byte of a number or of true, false or null. */
function isScalar(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a) || isNumberSign(byte)
}

function isNumberSign(byte: number): boolean {
  return byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45
}

function noPayload(byte: number): DecodeError {
  if (STARTS_OTHER_VALUE.includes(byte)) {
    return new DecodeError("envelope", "Cannot read the payload: it starts like JSON, but not like a JSON object.")
  }
  return unexpected(byte, 0)
}

function unexpected(byte: number, at: number): DecodeError {
  const found = byte > LAST_CONTROL && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16)}`
  return new DecodeError("json", `Cannot read the payload: it is not JSON (${found} at byte ${at}).`)
}
