// The bounds on one message's text, which guard against a few bytes that decompress to gigabytes.

import { DecodeError, type DecoderLimits } from "../decoder.ts"

/** Up to here a message may have any ratio: a run of one letter compresses very well. */
const FREE_RATIO_BYTES = 1024 * 1024

/** The most bytes that a message of so many compressed bytes may decompress to. */
export function mostTextBytes(compressedBytes: number, { maxMessageBytes, maxRatio }: DecoderLimits): number {
  return Math.min(maxMessageBytes, Math.max(FREE_RATIO_BYTES, Math.floor(compressedBytes * maxRatio)))
}

/** @param most what `mostTextBytes` returned */
export function tooLarge(most: number, { maxMessageBytes, maxRatio }: DecoderLimits): DecodeError {
  const bound = most === maxMessageBytes ? "the largest allowed" : `${maxRatio} times its compressed size or 1 MiB`
  return new DecodeError("limit", `Cannot decode a message of more than ${most} bytes: that is ${bound}.`)
}
