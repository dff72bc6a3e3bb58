// Bytes of standard input in, messages out: JSON objects and MessagePack maps, mixed, in pieces or many at once, with
// white space between them. Told apart by the first byte: `{` begins JSON; 0x80-0x8f, 0xde and 0xdf begin a MessagePack
// map. (`{` and white space would be small integers in MessagePack, and a message is never one.)
//
// What is malformed is refused once, and reading goes on at the next place where a message can begin:
// - after text, at the next line, or at the very `{` that began a line within an object that was never finished;
// - after MessagePack whose end cannot be known, at the next line that starts with `{`, or at the next map that starts with
//   the key `event` or `data`. Where its end is known, right after it.

import { decodeBody } from "../body.ts"
import { BodyError } from "../broker.ts"
import type { Extent } from "../extent.ts"
import { MessagePackExtent } from "../msgpack-extent.ts"
import { InputBuffer } from "./input-buffer.ts"
import { JsonExtent } from "./json-extent.ts"

/** The largest message. A packet to Discord is at most 4,096 bytes, so this leaves room for any way of writing it. */
export const MAX_MESSAGE_BYTES = 1024 * 1024

export type Parsed =
  | { readonly type: "message"; readonly event: string; readonly data: unknown }
  /** One sentence. */
  | { readonly type: "refused"; readonly reason: string }

type State =
  | { readonly type: "between" }
  | { readonly type: "json"; readonly extent: JsonExtent }
  | { readonly type: "msgpack"; readonly extent: MessagePackExtent }
  /** Passing over what was refused. */
  | { readonly type: "lost"; readonly in: "text" | "msgpack" }

const BETWEEN: State = { type: "between" }
const NEWLINE = 0x0a
const OPEN_OBJECT = 0x7b
const FIRST_BINARY_BYTE = 0x80

/** How a map `{event, data}` starts, with either key first, in the two lengths that encoders write. */
const MAP_STARTS = [
  Buffer.from("\x82\xa5event", "latin1"),
  Buffer.from("\x82\xa4data", "latin1"),
  Buffer.from("\xde\x00\x02\xa5event", "latin1"),
  Buffer.from("\xde\x00\x02\xa4data", "latin1"),
]
const OBJECT_LINE = Buffer.from("\n{")
/** What is kept while lost, since a start may be split between two pieces. */
const LONGEST_START = Math.max(...MAP_STARTS.map((start) => start.length))

export class MessageParser {
  readonly #maxMessageBytes: number
  readonly #input = new InputBuffer()
  #state: State = BETWEEN
  /** Of the waiting bytes, how many the extent has seen. */
  #scanned = 0

  constructor(maxMessageBytes: number = MAX_MESSAGE_BYTES) {
    this.#maxMessageBytes = maxMessageBytes
  }

  /** The messages that `chunk` completes, as they are asked for: to be run to its end before the next call. */
  *push(chunk: Uint8Array): Generator<Parsed> {
    this.#input.append(chunk)
    let more = true
    while (more && this.#input.length > 0) {
      const { length } = this.#input
      const state = this.#state
      const parsed = this.#step()
      if (parsed !== null) yield parsed
      more = parsed !== null || this.#input.length !== length || this.#state !== state
    }
  }

  /** The input has ended: refuses a message that is not whole. */
  end(): Parsed | null {
    const cut = this.#state.type === "json" || this.#state.type === "msgpack"
    this.#input.drop(this.#input.length)
    this.#state = BETWEEN
    this.#scanned = 0
    return cut ? refused("the input ended in the middle of it") : null
  }

  /** Takes the next message, or passes over something, or finds that more must come. */
  #step(): Parsed | null {
    switch (this.#state.type) {
      case "between":
        return this.#begin()
      case "lost":
        this.#seek(this.#state.in)
        return null
      case "json":
      case "msgpack":
        return this.#scan(this.#state)
    }
  }

  #begin(): Parsed | null {
    const bytes = this.#input.bytes()
    const first = bytes.findIndex((byte) => !isWhiteSpace(byte))
    this.#input.drop(first === -1 ? bytes.length : first)
    const byte = bytes[first]
    if (byte === undefined) return null
    if (byte === OPEN_OBJECT) this.#state = { type: "json", extent: new JsonExtent() }
    else if (isMap(byte)) this.#state = { type: "msgpack", extent: new MessagePackExtent(this.#maxMessageBytes) }
    else return this.#refuse(startClause(byte), 1, byte < FIRST_BINARY_BYTE ? "text" : "msgpack")
    return null
  }

  #scan(state: Extract<State, { type: "json" | "msgpack" }>): Parsed | null {
    const bytes = this.#input.bytes()
    const found = state.extent.push(bytes, this.#scanned)
    const length = found.type === "complete" ? found.end : bytes.length
    if (found.type !== "invalid" && length > this.#maxMessageBytes) {
      return this.#refuse(`it is longer than ${this.#maxMessageBytes} bytes`, this.#maxMessageBytes, textOf(state))
    }
    if (found.type === "partial") {
      this.#scanned = bytes.length
      return null
    }
    if (found.type === "invalid") return this.#refuseInvalid(state, bytes, found)
    return this.#decode(state, new Uint8Array(bytes.subarray(0, found.end)))
  }

  #decode(state: State, message: Uint8Array): Parsed {
    try {
      const parsed = messageOf(decodeBody(message))
      this.#next(message.length, BETWEEN)
      return parsed
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      this.#next(message.length, state.type === "json" ? { type: "lost", in: "text" } : BETWEEN)
      return { type: "refused", reason: error.message }
    }
  }

  #refuseInvalid(state: State, bytes: Uint8Array, { at, reason }: Extract<Extent, { type: "invalid" }>): Parsed {
    if (state.type === "msgpack") return this.#refuse(reason, 1, "msgpack")
    if (bytes[at] === OPEN_OBJECT && bytes[at - 1] === NEWLINE) {
      this.#next(at, BETWEEN)
      return refused("it was not finished before the next one")
    }
    return this.#refuse(reason, at, "text")
  }

  /** Gives up `length` bytes and whatever follows them that is not the start of a message. */
  #refuse(clause: string, length: number, lostIn: "text" | "msgpack"): Parsed {
    this.#next(length, { type: "lost", in: lostIn })
    return refused(clause)
  }

  #next(length: number, state: State): void {
    this.#input.drop(length)
    this.#state = state
    this.#scanned = 0
  }

  #seek(lostIn: "text" | "msgpack"): void {
    const bytes = this.#input.bytes()
    const line = lostIn === "text" ? bytes.indexOf(NEWLINE) : bytes.indexOf(OBJECT_LINE)
    const starts = [line, ...MAP_STARTS.map((start) => bytes.indexOf(start))].filter((position) => position !== -1)
    if (starts.length > 0) this.#next(Math.min(...starts), BETWEEN)
    else this.#input.drop(Math.max(0, bytes.length - LONGEST_START))
  }
}

function refused(clause: string): Parsed {
  return { type: "refused", reason: `Cannot read a message from standard input: ${clause}.` }
}

function startClause(byte: number): string {
  return `it starts with the byte 0x${byte.toString(16)}, and a JSON object or a MessagePack map is wanted`
}

function textOf(state: State): "text" | "msgpack" {
  return state.type === "json" ? "text" : "msgpack"
}

function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09
}

function isMap(byte: number): boolean {
  return (byte >= 0x80 && byte <= 0x8f) || byte === 0xde || byte === 0xdf
}

function messageOf(value: unknown): Parsed {
  if (typeof value !== "object" || value === null) return refused("it is no map")
  if (!("event" in value) || typeof value.event !== "string") {
    return refused("it has no event, which must be a string")
  }
  if (!("data" in value)) return refused(`it has no data (event ${value.event.slice(0, 64)})`)
  return { type: "message", event: value.event, data: value.data }
}
