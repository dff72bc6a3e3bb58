// The frames of a published message: method, header and body. All but the message id and the body is the same for every
// event of a name, so it is encoded once; each message then costs a few copies.
// Source: AMQP 0-9-1, Specification 2.3.5 (frames), 4.2.6 (content); basic.publish (60, 40).

const METHOD_FRAME = 1
const HEADER_FRAME = 2
const BODY_FRAME = 3
const FRAME_END = 0xce
/** Type, channel and size before the payload; the end after it. */
const FRAME_HEAD_BYTES = 7
const FRAME_BYTES = FRAME_HEAD_BYTES + 1
const BASIC_CLASS = 60
const PUBLISH_METHOD = 40
const MANDATORY = 1
const PERSISTENT = 2
/** Class, weight, body size and property flags. */
const HEADER_FIXED_BYTES = 14
const MAX_SHORT_STRING_BYTES = 255
const MAX_DIGITS = 16

/** Bits of the property flags, in the order in which the properties follow. */
const Flag = {
  contentType: 1 << 15,
  headers: 1 << 13,
  deliveryMode: 1 << 12,
  correlationId: 1 << 10,
  replyTo: 1 << 9,
  expiration: 1 << 8,
  messageId: 1 << 7,
} as const

export interface MessageHead {
  readonly exchange: string
  readonly routingKey: string
  /** Comes back when no queue takes it. */
  readonly mandatory: boolean
  readonly persistent: boolean
  readonly contentType: string
  readonly expirationMs: number
  readonly correlationId?: string
  readonly replyTo?: string
  /** The header `key`. */
  readonly key?: string
  /** A message id follows with each message. */
  readonly hasId: boolean
}

/** A message id: the same beginning for a whole session, and a number. */
export interface MessageId {
  readonly session: Buffer
  readonly sequence: number
}

export class MessageFrames {
  /** The method frame, and the header frame as far as the message id. */
  readonly #start: Buffer
  readonly #headerAt: number
  readonly #channel: number
  readonly #maxBodyBytes: number

  /** @param frameMax the largest frame that was agreed on, in bytes */
  constructor(head: MessageHead, channel: number, frameMax: number) {
    const method = methodFrame(head, channel)
    this.#headerAt = method.length
    this.#channel = channel
    this.#maxBodyBytes = frameMax - FRAME_BYTES
    this.#start = Buffer.concat([method, headerStart(head, channel)])
  }

  /** No message with a body of this length is longer. */
  maxBytes(bodyBytes: number): number {
    const bodyFrames = Math.ceil(bodyBytes / this.#maxBodyBytes)
    return this.#start.length + 1 + MAX_SHORT_STRING_BYTES + 1 + bodyBytes + bodyFrames * FRAME_BYTES
  }

  /**
   * Writes the message at `at`. Its body is `source[from]` and the bytes after it.
   * @returns where the next one goes.
   */
  write(out: Buffer, at: number, id: MessageId | null, source: Buffer, from: number, bodyBytes: number): number {
    this.#start.copy(out, at)
    let position = at + this.#start.length
    if (id !== null) position = writeId(out, position, id)
    const headerAt = at + this.#headerAt
    out.writeUInt32BE(position - headerAt - FRAME_HEAD_BYTES, headerAt + 3)
    // The upper half of the body's size stays 0.
    out.writeUInt32BE(bodyBytes, headerAt + FRAME_HEAD_BYTES + 8)
    out[position++] = FRAME_END
    for (let done = 0; done < bodyBytes; done += this.#maxBodyBytes) {
      const partBytes = Math.min(bodyBytes - done, this.#maxBodyBytes)
      position = writeFrameHead(out, position, BODY_FRAME, this.#channel, partBytes)
      source.copy(out, position, from + done, from + done + partBytes)
      position += partBytes
      out[position++] = FRAME_END
    }
    return position
  }
}

/** What begins a session's message ids, cut so that an id with its number is a short string. */
export function sessionBytes(sessionId: string): Buffer {
  const session = Buffer.from(sessionId).subarray(0, MAX_SHORT_STRING_BYTES - MAX_DIGITS - 1)
  return Buffer.concat([session, Buffer.from(":")])
}

function writeId(out: Buffer, at: number, { session, sequence }: MessageId): number {
  session.copy(out, at + 1)
  const digits = out.write(String(sequence), at + 1 + session.length, "latin1")
  out[at] = session.length + digits
  return at + 1 + session.length + digits
}

function methodFrame({ exchange, routingKey, mandatory }: MessageHead, channel: number): Buffer {
  const payload = Buffer.concat([
    Buffer.from([0, BASIC_CLASS, 0, PUBLISH_METHOD, 0, 0]),
    shortString(exchange),
    shortString(routingKey),
    Buffer.from([mandatory ? MANDATORY : 0]),
  ])
  const frame = Buffer.alloc(payload.length + FRAME_BYTES)
  const start = writeFrameHead(frame, 0, METHOD_FRAME, channel, payload.length)
  frame.set(payload, start)
  frame[frame.length - 1] = FRAME_END
  return frame
}

/** Without the sizes of header and body, which each message has of its own. */
function headerStart(head: MessageHead, channel: number): Buffer {
  const { contentType, persistent, correlationId, replyTo, expirationMs, hasId, key } = head
  const fixed = Buffer.alloc(FRAME_HEAD_BYTES + HEADER_FIXED_BYTES)
  writeFrameHead(fixed, 0, HEADER_FRAME, channel, 0)
  fixed.writeUInt16BE(BASIC_CLASS, FRAME_HEAD_BYTES)
  const flags =
    Flag.contentType |
    (key === undefined ? 0 : Flag.headers) |
    (persistent ? Flag.deliveryMode : 0) |
    (correlationId === undefined ? 0 : Flag.correlationId) |
    (replyTo === undefined ? 0 : Flag.replyTo) |
    Flag.expiration |
    (hasId ? Flag.messageId : 0)
  fixed.writeUInt16BE(flags, FRAME_HEAD_BYTES + HEADER_FIXED_BYTES - 2)
  return Buffer.concat([
    fixed,
    shortString(contentType),
    key === undefined ? Buffer.alloc(0) : keyHeader(key),
    persistent ? Buffer.from([PERSISTENT]) : Buffer.alloc(0),
    correlationId === undefined ? Buffer.alloc(0) : shortString(correlationId),
    replyTo === undefined ? Buffer.alloc(0) : shortString(replyTo),
    shortString(String(expirationMs)),
  ])
}

/** A table with one long string. */
function keyHeader(key: string): Buffer {
  const value = Buffer.from(key)
  const table = Buffer.concat([shortString("key"), Buffer.from("S"), lengthOf(value), value])
  return Buffer.concat([lengthOf(table), table])
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return length
}

function writeFrameHead(out: Buffer, at: number, type: number, channel: number, payloadBytes: number): number {
  out[at] = type
  out.writeUInt16BE(channel, at + 1)
  out.writeUInt32BE(payloadBytes, at + 3)
  return at + FRAME_HEAD_BYTES
}

function shortString(text: string): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length > MAX_SHORT_STRING_BYTES) {
    throw new RangeError(
      `Cannot publish with the name ${text.slice(0, 40)}…: it has ${bytes.length} bytes, and AMQP takes ${MAX_SHORT_STRING_BYTES}.`,
    )
  }
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}
