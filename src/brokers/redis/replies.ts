// Counts the replies in a stream of RESP2, wherever its pieces are cut. Publishing needs to know that commands succeeded,
// not what they returned, so nothing is allocated for a reply unless it is an error.
// Source: Redis serialization protocol specification.

export interface ReplyEvents {
  /**
   * One reply is whole, an array with all its elements. `integer`: what it is, where it is an integer by itself; NIL where
   * it is nothing, as of a transaction that was not executed.
   */
  readonly reply: (integer: number | null) => void
  /**
   * An error reply, told before the `reply` that it is or belongs to.
   * @param element its position within the outermost array; -1 where it stands alone
   */
  readonly error: (text: string, element: number) => void
}

/** What came is no RESP, so that nobody can say any more which reply is whose. */
export class ReplyProtocolError extends Error {
  override readonly name = "ReplyProtocolError"
}

/** No count is negative. */
export const NIL = -1

/** The longest error text that is kept. */
const MAX_ERROR_BYTES = 1_024
/** Arrays within arrays. What publishing sends is answered by one level. */
const MAX_DEPTH = 8
/** The largest length or count: anything above is not of a server that we talk to. */
const MAX_LENGTH = 2 ** 31

const RETURN = 0x0d
const NEWLINE = 0x0a
const MINUS = 0x2d
const DIGIT_ZERO = 0x30
const STRING = 0x2b
const ERROR = 0x2d
const INTEGER = 0x3a
const BULK = 0x24
const ARRAY = 0x2a

/** What the next byte belongs to. `line`: a simple string, of which only the end matters. */
type At = "type" | "line" | "error" | "length" | "integer" | "bulk"

export class ReplyParser {
  readonly #events: ReplyEvents
  #at: At = "type"
  #isArray = false
  #length = 0
  #isNegative = false
  /** Bytes of the bulk string, or of its line end, still to pass over. */
  #skip = 0
  #error: number[] = []
  /** Elements still missing of each array that is open, the innermost last. */
  readonly #missing: number[] = []
  /** Elements of the outermost array that are whole. */
  #elements = 0

  constructor(events: ReplyEvents) {
    this.#events = events
  }

  /** @throws ReplyProtocolError; the stream is lost then. */
  push(bytes: Uint8Array): void {
    const end = bytes.length
    let position = 0
    while (position < end) {
      if (this.#at === "bulk") {
        const passed = Math.min(this.#skip, end - position)
        position += passed
        this.#skip -= passed
        if (this.#skip > 0) return
        if (bytes[position - 1] !== NEWLINE) throw new ReplyProtocolError("A bulk string is longer than it says.")
        this.#whole()
        continue
      }
      const byte = bytes[position] ?? 0
      position += 1
      if (this.#at === "line") {
        if (byte === NEWLINE) this.#whole()
      } else if (this.#at === "length") this.#takeDigit(byte)
      else if (this.#at === "type") this.#begin(byte)
      else if (this.#at === "integer") this.#takeInteger(byte)
      else this.#takeError(byte)
    }
  }

  #begin(byte: number): void {
    this.#length = 0
    this.#isNegative = false
    if (byte === STRING) this.#at = "line"
    else if (byte === INTEGER) this.#at = "integer"
    else if (byte === BULK || byte === ARRAY) {
      this.#at = "length"
      this.#isArray = byte === ARRAY
    } else if (byte === ERROR) this.#at = "error"
    else throw new ReplyProtocolError(`A reply begins with the byte 0x${byte.toString(16)}.`)
  }

  #takeDigit(byte: number): void {
    const digit = byte - DIGIT_ZERO
    if (digit >= 0 && digit <= 9) {
      this.#length = this.#length * 10 + digit
      if (this.#length > MAX_LENGTH) throw new ReplyProtocolError("A reply is longer than any that is expected.")
    } else if (byte === NEWLINE) this.#takeLength()
    else if (byte === MINUS) this.#isNegative = true
    else if (byte !== RETURN) throw new ReplyProtocolError(`A length holds the byte 0x${byte.toString(16)}.`)
  }

  #takeInteger(byte: number): void {
    const digit = byte - DIGIT_ZERO
    if (digit >= 0 && digit <= 9) this.#length = this.#length * 10 + digit
    else if (byte === MINUS) this.#isNegative = true
    else if (byte === NEWLINE) this.#whole(this.#isNegative ? -this.#length : this.#length)
  }

  #takeLength(): void {
    if (this.#isNegative) return this.#whole(NIL)
    if (!this.#isArray) {
      this.#skip = this.#length + 2
      this.#at = "bulk"
      return
    }
    if (this.#length === 0) return this.#whole()
    if (this.#missing.length === MAX_DEPTH) throw new ReplyProtocolError("A reply is nested too deep.")
    if (this.#missing.length === 0) this.#elements = 0
    this.#missing.push(this.#length)
    this.#at = "type"
  }

  #takeError(byte: number): void {
    if (byte !== NEWLINE) {
      if (byte !== RETURN && this.#error.length < MAX_ERROR_BYTES) this.#error.push(byte)
      return
    }
    const text = Buffer.from(this.#error).toString()
    this.#error = []
    this.#events.error(text, this.#missing.length === 0 ? -1 : this.#elements)
    this.#whole()
  }

  /** One value is whole, and with it every array of which it was the last element. */
  #whole(integer: number | null = null): void {
    this.#at = "type"
    const open = this.#missing
    const isAlone = open.length === 0
    while (open.length > 0) {
      if (open.length === 1) this.#elements += 1
      const innermost = open.length - 1
      const left = (open[innermost] ?? 0) - 1
      open[innermost] = left
      if (left > 0) return
      open.pop()
    }
    this.#events.reply(isAlone ? integer : null)
  }
}
