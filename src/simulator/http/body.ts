// Collects a request's body as its bytes arrive, whole or in chunks.
// Source: RFC 9112 › Chunked Transfer Coding.

import { type BodyLength, MAX_BODY_BYTES } from "./request.ts"

/** `bad`: what arrived is not a body. `whole`: with what follows it. */
export type Arrival =
  | { readonly type: "partial" }
  | { readonly type: "bad"; readonly status: 400 | 413; readonly reason: string }
  | { readonly type: "whole"; readonly body: Buffer; readonly rest: Buffer }

export interface BodyReader {
  push(bytes: Buffer): Arrival
}

const EMPTY = Buffer.alloc(0)
const PARTIAL: Arrival = { type: "partial" }
const CRLF = "\r\n"
/** A chunk's size with its extensions, or a trailer. */
const MAX_LINE_BYTES = 4_096

export function bodyReader(length: BodyLength): BodyReader {
  return length.type === "bytes" ? new CountedBody(length.bytes) : new ChunkedBody()
}

class CountedBody implements BodyReader {
  readonly #parts: Buffer[] = []
  #missing: number

  constructor(bytes: number) {
    this.#missing = bytes
  }

  push(bytes: Buffer): Arrival {
    if (this.#missing === 0) return { type: "whole", body: EMPTY, rest: bytes }
    const part = bytes.subarray(0, this.#missing)
    this.#missing -= part.length
    // What a socket hands over is its own again after the call.
    if (this.#missing > 0) {
      this.#parts.push(Buffer.from(part))
      return PARTIAL
    }
    const body = this.#parts.length === 0 ? Buffer.from(part) : Buffer.concat([...this.#parts, part])
    return { type: "whole", body, rest: bytes.subarray(part.length) }
  }
}

class ChunkedBody implements BodyReader {
  readonly #parts: Buffer[] = []
  #bytes = 0
  #waiting: Buffer = EMPTY
  #state: "size" | "data" | "data-end" | "trailers" = "size"
  #missing = 0

  push(bytes: Buffer): Arrival {
    let left = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes])
    for (;;) {
      if (this.#state === "data") {
        const part = left.subarray(0, this.#missing)
        this.#parts.push(Buffer.from(part))
        this.#missing -= part.length
        left = left.subarray(part.length)
        if (this.#missing > 0) return this.#wait(left)
        this.#state = "data-end"
      }
      const lineEnd = left.indexOf(CRLF)
      if (lineEnd > MAX_LINE_BYTES || (lineEnd === -1 && left.length > MAX_LINE_BYTES))
        return { type: "bad", status: 400, reason: "A chunk has no size." }
      if (lineEnd === -1) return this.#wait(left)
      const line = left.toString("latin1", 0, lineEnd)
      left = left.subarray(lineEnd + CRLF.length)
      const end = this.#line(line)
      if (end === "done") return { type: "whole", body: Buffer.concat(this.#parts), rest: left }
      if (end !== "more") return end
    }
  }

  #line(line: string): "more" | "done" | Arrival {
    switch (this.#state) {
      case "size": {
        const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line)?.[1]
        if (size === undefined) return { type: "bad", status: 400, reason: "A chunk has no size." }
        this.#missing = Number.parseInt(size, 16)
        this.#bytes += this.#missing
        if (this.#bytes > MAX_BODY_BYTES) return { type: "bad", status: 413, reason: "The body is too large." }
        this.#state = this.#missing === 0 ? "trailers" : "data"
        return "more"
      }
      case "trailers":
        return line === "" ? "done" : "more"
      default:
        this.#state = "size"
        return line === "" ? "more" : { type: "bad", status: 400, reason: "A chunk is longer than its size." }
    }
  }

  #wait(left: Buffer): Arrival {
    this.#waiting = Buffer.from(left)
    return PARTIAL
  }
}
