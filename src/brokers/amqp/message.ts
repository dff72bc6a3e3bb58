// What is published, as AMQP messages: a batch of events, or one message of our own.
//
// Every message expires after its time, and what is no reply is persistent. The message id of an event is
// `session:sequence`, the same whenever it is published again, so that a consumer can drop duplicates.

import { type EventBatch, RECORD_INTS, RecordField } from "../../codec/batch.ts"
import type { Body } from "../../codec/encoding.ts"
import { MessageFrames, type MessageHead, sessionBytes } from "./frames.ts"
import type { Lane } from "./lane.ts"

export interface Message {
  /** How many AMQP messages it is. */
  readonly count: number
  /** Events whose queues must be there. */
  events(): readonly string[]
  /** All of it as frames, in a buffer of its own. Asked for again whenever it is published again. */
  frames(lane: Lane, heads: Heads): Buffer
}

/** Of queues, exchanges and routing keys. */
const MAX_NAME_BYTES = 255

export const CONTENT_TYPES: Readonly<Record<Body, string>> = {
  json: "application/json",
  msgpack: "application/msgpack",
  discordjs: "application/msgpack",
}

/** What the events of a batch have in common with all others of their name. */
export class Heads {
  readonly #exchange: string
  readonly #contentType: string
  readonly #expirationMs: number
  /** One for each event name; of the lane that they were made for. */
  readonly #frames = new Map<string, MessageFrames>()
  #lane: Lane | null = null

  constructor(exchange: string, body: Body, expirationMs: number) {
    this.#exchange = exchange
    this.#contentType = CONTENT_TYPES[body]
    this.#expirationMs = expirationMs
  }

  of(event: string, lane: Lane): MessageFrames {
    if (this.#lane !== lane) this.#frames.clear()
    this.#lane = lane
    let frames = this.#frames.get(event)
    if (frames === undefined) {
      frames = new MessageFrames(this.#headOf(event), lane.number, lane.frameMax)
      this.#frames.set(event, frames)
    }
    return frames
  }

  /** With the header `key`, which no other event has: only while a bot is resharded. */
  withKey(event: string, key: string, lane: Lane): MessageFrames {
    return new MessageFrames({ ...this.#headOf(event), key }, lane.number, lane.frameMax)
  }

  #headOf(event: string): MessageHead {
    const head = { routingKey: event, mandatory: true, persistent: true, hasId: true, contentType: this.#contentType }
    return { ...head, exchange: this.#exchange, expirationMs: this.#expirationMs }
  }
}

/** The events of a batch, whose arrays are read again whenever it is published again. */
export function batchMessage(batch: EventBatch): Message {
  return { count: batch.count, events: () => eventsOf(batch), frames: (lane, heads) => batchFrames(batch, lane, heads) }
}

function batchFrames(batch: EventBatch, lane: Lane, heads: Heads): Buffer {
  const { bytes, records, sessionId, count } = batch
  const framesAt = framesOf(batch, lane, heads)
  const end = count * RECORD_INTS
  let maxBytes = 0
  for (let at = 0; at < end; at += RECORD_INTS) {
    maxBytes += framesAt(at).maxBytes(records[at + RecordField.length] ?? 0)
  }
  const out = Buffer.allocUnsafe(maxBytes)
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const id = { session: sessionBytes(sessionId), sequence: 0 }
  let position = 0
  for (let at = 0; at < end; at += RECORD_INTS) {
    const from = records[at + RecordField.offset] ?? 0
    const bodyBytes = records[at + RecordField.length] ?? 0
    id.sequence = sequenceOf(records, at)
    position = framesAt(at).write(out, position, id, source, from, bodyBytes)
  }
  return out.subarray(0, position)
}

/** The frames of a batch's event, by where its record begins. */
function framesOf(
  { records, events, count, keys }: EventBatch,
  lane: Lane,
  heads: Heads,
): (at: number) => MessageFrames {
  const eventAt = (at: number): number => records[at + RecordField.event] ?? 0
  const byEvent = events.map((): MessageFrames | undefined => undefined)
  const plain = (at: number): MessageFrames => (byEvent[eventAt(at)] ??= heads.of(events[eventAt(at)] ?? "", lane))
  if (keys === undefined) return plain
  const keyed = Array.from({ length: count }, (_, index) => {
    const key = keys[index] ?? null
    const at = index * RECORD_INTS
    return key === null ? plain(at) : heads.withKey(events[eventAt(at)] ?? "", key, lane)
  })
  return (at) => keyed[at / RECORD_INTS] ?? plain(at)
}

function sequenceOf(records: Int32Array, at: number): number {
  return (records[at + RecordField.sequenceHigh] ?? 0) * 2 ** 32 + ((records[at + RecordField.sequenceLow] ?? 0) >>> 0)
}

function eventsOf({ records, events, count }: EventBatch): readonly string[] {
  const found = new Set<number>()
  for (let index = 0; index < count; index += 1) found.add(records[index * RECORD_INTS + RecordField.event] ?? 0)
  return [...found].map((position) => events[position] ?? "")
}

/**
 * One message without an id. To an exchange, the queue of its event is declared first; an empty one is the default exchange.
 * @throws RangeError when the queue's name would be too long.
 */
export function singleMessage(head: Omit<MessageHead, "hasId">, content: Uint8Array): Message {
  const queue = head.exchange === "" ? head.routingKey : `${head.exchange}:${head.routingKey}`
  const bytes = Buffer.byteLength(queue)
  if (bytes > MAX_NAME_BYTES) {
    throw new RangeError(
      `Cannot publish to the queue ${queue.slice(0, 40)}…: its name has ${bytes} bytes, and AMQP takes ${MAX_NAME_BYTES}.`,
    )
  }
  return {
    count: 1,
    events: () => (head.exchange === "" ? [] : [head.routingKey]),
    frames(lane) {
      const frames = new MessageFrames({ ...head, hasId: false }, lane.number, lane.frameMax)
      const out = Buffer.allocUnsafe(frames.maxBytes(content.length))
      return out.subarray(0, frames.write(out, 0, null, Buffer.from(content), 0, content.length))
    },
  }
}
