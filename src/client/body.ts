// How messages become bytes. MessagePack is written, as `@spectacles/brokers` does; JSON is read as well, since the
// gateway writes it over AMQP unless it is told otherwise.

import { encode as encodeMessagePack } from "@msgpack/msgpack"
import { decodeBody } from "../brokers/body.ts"
import { BodyError } from "../brokers/broker.ts"

/** What a message written by `encode` is labelled with over AMQP. */
export const MESSAGE_PACK = "application/msgpack"
const JSON_TYPE = "application/json"
/** From here on a first byte cannot begin JSON. */
const FIRST_MESSAGE_PACK_BYTE = 0x80
const utf8 = new TextDecoder("utf-8", { fatal: true })

/**
 * Encodes a value as MessagePack, byte for byte as `@spectacles/brokers` does, whose library this is: services in other
 * languages tell an integer from a float. A Buffer is taken for a body that is encoded already.
 * @example await client.xadd("EVENT", "*", "data", encode({ a: 1 }))
 */
export function encode(data: unknown): Buffer {
  if (Buffer.isBuffer(data)) return data
  const bytes = encodeMessagePack(data)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Decodes a body, MessagePack or JSON by its first byte. One byte alone is MessagePack: below 128 it is a small integer.
 * @example decode(Buffer.from('{"a":1}'))
 * @throws BodyError when it is neither.
 */
export function decode(data: Uint8Array): unknown {
  const first = data[0]
  if (first === undefined || first >= FIRST_MESSAGE_PACK_BYTE) return decodeBody(data)
  return data.length === 1 ? first : decodeJson(data)
}

/**
 * Decodes a body by what AMQP says of it, else by its first byte.
 * @throws BodyError when it is neither MessagePack nor JSON.
 */
export function decodeTyped(data: Uint8Array, contentType: string | undefined): unknown {
  return contentType === JSON_TYPE ? decodeJson(data) : decode(data)
}

/** Discord writes ids as strings, so no number needs more than a double. */
function decodeJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(data))
  } catch (error) {
    throw new BodyError(`Cannot decode a JSON body: ${error instanceof Error ? error.message : error}.`, {
      cause: error,
    })
  }
}
