// The bounds on one message that every transport checks.

import { DecodeError, type DecoderLimits } from "../../decoder.ts"

/** A message up to this size may have any ratio: a short run of one letter compresses very well. */
const FREE_RATIO_BYTES = 1024 * 1024

/** The most bytes that a message of so many compressed bytes may decompress to. */
export function mostBytes(compressedBytes: number, { maxMessageBytes, maxRatio }: DecoderLimits): number {
  return Math.min(maxMessageBytes, Math.max(FREE_RATIO_BYTES, Math.floor(compressedBytes * maxRatio)))
}

export function tooLarge(most: number, { maxMessageBytes, maxRatio }: DecoderLimits): DecodeError {
  const why =
    most === maxMessageBytes
      ? `the limit is ${maxMessageBytes} bytes`
      : `the limit is ${maxRatio} times its compressed size`
  return new DecodeError("limit", `Cannot decompress the message: it is larger than ${most} bytes and ${why}.`)
}
