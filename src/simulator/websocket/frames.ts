// WebSocket frames: writing a server's, reading a client's.
// Source: RFC 6455 section 5.

export const FrameOpcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface FrameBits {
  /** False for every fragment of a message but the last. */
  readonly final?: boolean
  /** The three reserved bits; anything but 0 breaks the protocol. */
  readonly reserved?: number
}

const LENGTH_16 = 126
const LENGTH_64 = 127

/** One unmasked frame, as a server sends it. */
export function encodeFrame(
  opcode: number,
  payload: Uint8Array,
  { final = true, reserved = 0 }: FrameBits = {},
): Buffer {
  const length = payload.length
  const headBytes = length < LENGTH_16 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(headBytes + length)
  frame[0] = (final ? 0x80 : 0) | (reserved << 4) | opcode
  if (headBytes === 2) frame[1] = length
  else if (headBytes === 4) {
    frame[1] = LENGTH_16
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = LENGTH_64
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.set(payload, headBytes)
  return frame
}

export type Incoming =
  | { readonly type: "message"; readonly payload: Buffer }
  | { readonly type: "ping"; readonly payload: Buffer }
  | { readonly type: "close"; readonly code: number | null; readonly reason: string }
  /** The client broke the protocol, or sent more than `maxMessageBytes`; nothing after it can be read. */
  | { readonly type: "broken" }
  | { readonly type: "too-large" }

/** Puts a client's frames together from bytes that may break off anywhere. */
export class FrameReader {
  readonly #maxMessageBytes: number
  #bytes: Buffer = Buffer.alloc(0)
  #fragments: Buffer[] = []
  #fragmentBytes = 0
  #ended = false

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes
  }

  push(bytes: Uint8Array): Incoming[] {
    if (this.#ended) return []
    this.#bytes = this.#bytes.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#bytes, bytes])
    const incoming: Incoming[] = []
    for (let next = this.#frame(); next !== undefined; next = this.#frame()) {
      if (next.type !== "none") incoming.push(next)
      if (next.type === "broken" || next.type === "too-large" || next.type === "close") {
        this.#ended = true
        break
      }
    }
    return incoming
  }

  /** The next whole frame's meaning; `none` for a fragment or a pong; undefined when more bytes are needed. */
  #frame(): Incoming | { readonly type: "none" } | undefined {
    const bytes = this.#bytes
    const [first, second] = bytes
    if (first === undefined || second === undefined) return undefined
    if ((first & 0x70) !== 0 || (second & 0x80) === 0) return { type: "broken" }
    const short = second & 0x7f
    const lengthBytes = short === LENGTH_64 ? 8 : short === LENGTH_16 ? 2 : 0
    if (bytes.length < 2 + lengthBytes) return undefined
    const length =
      lengthBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : lengthBytes === 2 ? bytes.readUInt16BE(2) : short
    if (this.#fragmentBytes + length > this.#maxMessageBytes) return { type: "too-large" }
    const maskAt = 2 + lengthBytes
    const end = maskAt + 4 + length
    if (bytes.length < end) return undefined
    const payload = unmask(bytes.subarray(maskAt, maskAt + 4), bytes.subarray(maskAt + 4, end))
    this.#bytes = bytes.subarray(end)
    return this.#meaning(first & 0x0f, (first & 0x80) !== 0, payload)
  }

  #meaning(opcode: number, final: boolean, payload: Buffer): Incoming | { readonly type: "none" } {
    switch (opcode) {
      case FrameOpcode.continuation:
      case FrameOpcode.text:
      case FrameOpcode.binary: {
        this.#fragments.push(payload)
        this.#fragmentBytes += payload.length
        if (!final) return { type: "none" }
        const message = Buffer.concat(this.#fragments)
        this.#fragments = []
        this.#fragmentBytes = 0
        return { type: "message", payload: message }
      }
      case FrameOpcode.close:
        return payload.length < 2
          ? { type: "close", code: null, reason: "" }
          : { type: "close", code: payload.readUInt16BE(0), reason: payload.toString("utf8", 2) }
      case FrameOpcode.ping:
        return { type: "ping", payload }
      case FrameOpcode.pong:
        return { type: "none" }
      default:
        return { type: "broken" }
    }
  }
}

function unmask(mask: Buffer, masked: Buffer): Buffer {
  const payload = Buffer.allocUnsafe(masked.length)
  for (let i = 0; i < masked.length; i++) payload[i] = (masked[i] ?? 0) ^ (mask[i & 3] ?? 0)
  return payload
}
