// How messages become bytes. MessagePack is written, as `@spectacles/brokers` does; JSON is read as well, since the
// gateway writes it over AMQP unless it is told otherwise.

import { decodeBody, encodeBody } from "../brokers/body.ts"

/** What a message written by `encode` is labelled with over AMQP. */
export const MESSAGE_PACK = "application/msgpack"
const JSON_TYPE = "application/json"
/** MessagePack's one-byte integers, 0 to 127, are the only values that JSON's first byte could be taken for. */
const FIRST_OTHER_BYTE = 0x80

/** Encodes a value as MessagePack. A Buffer is taken for a body that is encoded already. */
export function encode(data: unknown): Buffer {
  if (Buffer.isBuffer(data)) return data
  const bytes = encodeBody("msgpack", data)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Decodes a body, MessagePack or JSON by its first byte. One byte alone is MessagePack.
 * @throws BodyError when it is neither.
 */
export function decode(data: Uint8Array): unknown {
  const first = data[0]
  if (data.length === 1 && first !== undefined && first < FIRST_OTHER_BYTE) return first
  return decodeBody(data)
}

/**
 * Decodes a body by what AMQP says of it, else by its first byte.
 * @throws BodyError when it is neither MessagePack nor JSON.
 */
export function decodeTyped(data: Uint8Array, contentType: string | undefined): unknown {
  return contentType === JSON_TYPE && data.length === 1 ? decodeBody(data) : decode(data)
}
