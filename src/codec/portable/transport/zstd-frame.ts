// The outer layer of the zstd format: the frame header and the cuts between blocks, as RFC 8878, sections 3.1.1.1 and 3.1.1.2, lays
// them out. Enough to check bounds before anything is decompressed.

import { DecodeError } from "../../decoder.ts"

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd]
const DESCRIPTOR_AT = MAGIC.length
const DICTIONARY_ID_BYTES = [0, 1, 2, 4]
const CONTENT_SIZE_BYTES = [0, 2, 4, 8]
const MAX_BLOCK_BYTES = 128 * 1024
const BLOCK_HEADER_BYTES = 3
export const CHECKSUM_BYTES = 4

export interface FrameHeader {
  readonly headerBytes: number
  readonly windowBytes: number
  readonly hasChecksum: boolean
}

/**
 * Reads a frame's header, or nothing when it is not there whole.
 * @throws DecodeError when the bytes start no frame that a gateway sends.
 */
export function readFrameHeader(bytes: Uint8Array): FrameHeader | undefined {
  if (MAGIC.some((byte, i) => i < bytes.length && bytes[i] !== byte)) {
    throw broken("the stream does not start with a zstd frame")
  }
  const descriptor = bytes[DESCRIPTOR_AT]
  if (descriptor === undefined) return undefined
  const isSingleSegment = (descriptor & 0x20) !== 0
  if ((descriptor & 0x08) !== 0) throw broken("its frame header has a reserved bit set")
  if ((DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) > 0) throw broken("its frame needs a dictionary")
  const sizeAt = DESCRIPTOR_AT + (isSingleSegment ? 1 : 2)
  const sizeBytes = descriptor >> 6 === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[descriptor >> 6] ?? 0)
  const headerBytes = sizeAt + sizeBytes
  if (bytes.length < headerBytes) return undefined
  const windowBytes = isSingleSegment
    ? contentSize(bytes.subarray(sizeAt, headerBytes))
    : windowSize(bytes[DESCRIPTOR_AT + 1] ?? 0)
  return { headerBytes, windowBytes, hasChecksum: (descriptor & 0x04) !== 0 }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

function contentSize(field: Uint8Array): number {
  const size = field.reduceRight((value, byte) => value * 256 + byte, 0)
  return field.length === 2 ? size + 256 : size
}

export interface BlockHeader {
  readonly isLast: boolean
  /** The block's bytes in the stream, its header included. */
  readonly blockBytes: number
}

/**
 * Reads a block's header, or nothing when it is not there whole.
 * @throws DecodeError when it is none.
 */
export function readBlockHeader([first, second, third]: Uint8Array): BlockHeader | undefined {
  if (first === undefined || second === undefined || third === undefined) return undefined
  const header = first | (second << 8) | (third << 16)
  const type = (header >> 1) & 3
  const size = header >> 3
  if (type === 3) throw broken("a block is of the reserved type")
  if (size > MAX_BLOCK_BYTES) throw broken(`a block says ${size} bytes, more than ${MAX_BLOCK_BYTES}`)
  const isRunLength = type === 1
  return { isLast: (header & 1) !== 0, blockBytes: BLOCK_HEADER_BYTES + (isRunLength ? 1 : size) }
}

export function broken(reason: string): DecodeError {
  return new DecodeError("transport", `Cannot decompress the stream: ${reason}.`)
}
