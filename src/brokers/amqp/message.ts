// What is published, as AMQP messages: a batch of events, or one message of our own.
//
// Every message is persistent and expires after its time. The message id of an event is `session:sequence`, the same
// whenever it is published again, so that a consumer can drop duplicates.

import type { ConfirmChannel, Options } from "amqplib"
import { type EventBatch, RECORD_INTS, RecordField } from "../../codec/batch.ts"
import type { Body } from "../../codec/encoding.ts"

/** Told once for each AMQP message; an error when the server has not taken it. */
export type Confirm = (error: Error | null) => void

export interface Message {
  /** How many AMQP messages it is. */
  readonly count: number
  /** Events whose queues must be there. */
  events(): readonly string[]
  /** Writes all of it. @returns false when the channel's buffer is full. */
  write(channel: ConfirmChannel, confirm: Confirm): boolean
}

export const CONTENT_TYPES: Readonly<Record<Body, string>> = {
  json: "application/json",
  msgpack: "application/msgpack",
  discordjs: "application/msgpack",
}

export interface BatchOptions {
  readonly exchange: string
  readonly body: Body
  readonly expirationMs: number
}

/** The events of a batch. Its arrays are read again whenever it is written again. */
export function batchMessage(batch: EventBatch, { exchange, body, expirationMs }: BatchOptions): Message {
  const expiration = String(expirationMs)
  return {
    count: batch.count,
    events: () => eventsOf(batch),
    write(channel, confirm) {
      const { bytes, records, events, sessionId, count } = batch
      // amqplib copies what it is given at once, so that one object serves all.
      const options = { contentType: CONTENT_TYPES[body], persistent: true, mandatory: true, expiration, messageId: "" }
      let hasRoom = true
      for (let at = 0; at < count * RECORD_INTS; at += RECORD_INTS) {
        const offset = records[at + RecordField.offset] ?? 0
        const content = Buffer.from(bytes.buffer, bytes.byteOffset + offset, records[at + RecordField.length] ?? 0)
        options.messageId = `${sessionId}:${sequenceOf(records, at)}`
        const event = events[records[at + RecordField.event] ?? 0] ?? ""
        hasRoom = channel.publish(exchange, event, content, options, confirm)
      }
      return hasRoom
    },
  }
}

function sequenceOf(records: Int32Array, at: number): number {
  return (records[at + RecordField.sequenceHigh] ?? 0) * 2 ** 32 + ((records[at + RecordField.sequenceLow] ?? 0) >>> 0)
}

function eventsOf({ records, events, count }: EventBatch): readonly string[] {
  const found = new Set<number>()
  for (let index = 0; index < count; index += 1) found.add(records[index * RECORD_INTS + RecordField.event] ?? 0)
  return [...found].map((position) => events[position] ?? "")
}

export interface SingleOptions {
  /** Empty: straight to the queue that `routingKey` names. */
  readonly exchange: string
  readonly routingKey: string
  readonly content: Uint8Array
  readonly properties: Options.Publish
}

/** One message. To an exchange, the queue of its event is declared first. */
export function singleMessage({ exchange, routingKey, content, properties }: SingleOptions): Message {
  return {
    count: 1,
    events: () => (exchange === "" ? [] : [routingKey]),
    write: (channel, confirm) => channel.publish(exchange, routingKey, Buffer.from(content), properties, confirm),
  }
}
