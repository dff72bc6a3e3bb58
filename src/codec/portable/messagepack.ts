// JSON values to MessagePack. Ours rather than a library's because integers past 32 bits must stay integers (consumers in
// typed languages read timestamps into an int64) and because it writes straight into the decoder's buffer.

import type { Bytes } from "./bytes.ts"

/** Up to here a loop beats the call into the text encoder. */
const SHORT_STRING = 48
const MAX_UINT64 = 2n ** 64n - 1n
const MIN_INT64 = -(2n ** 63n)

const encoder = new TextEncoder()
const double = new DataView(new ArrayBuffer(8))

/** Appends a value that JSON.parse made, or a BigInt in its place. Nesting is bounded by the caller. */
export function writeValue(out: Bytes, value: unknown): void {
  switch (typeof value) {
    case "string":
      return writeString(out, value)
    case "number":
      return writeNumber(out, value)
    case "boolean":
      return writeByte(out, value ? 0xc3 : 0xc2)
    case "bigint":
      return writeBigInt(out, value)
    case "object":
      if (value === null) return writeByte(out, 0xc0)
      if (Array.isArray(value)) return writeArray(out, value)
      return writeObject(out, value as Readonly<Record<string, unknown>>)
    default:
      throw new TypeError(`Cannot write a ${typeof value} as MessagePack: JSON has no such value.`)
  }
}

function writeArray(out: Bytes, values: readonly unknown[]): void {
  if (values.length < 16) writeByte(out, 0x90 | values.length)
  else writeLength(out, 0xdc, values.length)
  for (const value of values) writeValue(out, value)
}

function writeObject(out: Bytes, value: Readonly<Record<string, unknown>>): void {
  const keys = Object.keys(value)
  writeMapHeader(out, keys.length)
  for (const key of keys) {
    writeString(out, key)
    writeValue(out, value[key])
  }
}

export function writeMapHeader(out: Bytes, entries: number): void {
  if (entries < 16) writeByte(out, 0x80 | entries)
  else writeLength(out, 0xde, entries)
}

/** Lone surrogates become U+FFFD. */
export function writeString(out: Bytes, text: string): void {
  out.reserve(5 + text.length * 3)
  const { bytes, length: at } = out
  if (text.length < SHORT_STRING) {
    const start = at + (text.length < 32 ? 1 : 2)
    let i = 0
    for (; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) break
      bytes[start + i] = unit
    }
    if (i === text.length) {
      writeStringHeader(bytes, at, text.length)
      out.length = start + text.length
      return
    }
  }
  // The header's size follows from the encoded length, so it is guessed from the text's and the bytes are moved if wrong.
  const guess = stringHeaderBytes(text.length)
  const { written } = encoder.encodeInto(text, bytes.subarray(at + guess))
  const header = stringHeaderBytes(written)
  if (header !== guess) bytes.copyWithin(at + header, at + guess, at + guess + written)
  writeStringHeader(bytes, at, written)
  out.length = at + header + written
}

function stringHeaderBytes(length: number): 1 | 2 | 3 | 5 {
  if (length < 32) return 1
  if (length < 0x100) return 2
  return length < 0x10000 ? 3 : 5
}

function writeStringHeader(bytes: Uint8Array, at: number, length: number): void {
  if (length < 32) {
    bytes[at] = 0xa0 | length
  } else if (length < 0x100) {
    bytes[at] = 0xd9
    bytes[at + 1] = length
  } else if (length < 0x10000) {
    bytes[at] = 0xda
    bytes[at + 1] = length >>> 8
    bytes[at + 2] = length
  } else {
    bytes[at] = 0xdb
    write32(bytes, at + 1, length)
  }
}

/** Integers take the shortest form that holds them, up to 64 bits; `-0` and the rest are doubles. */
export function writeNumber(out: Bytes, value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return writeDouble(out, value)
  if (value >= 0) {
    if (value < 0x80) writeByte(out, value)
    else if (value < 0x100) write(out, 0xcc, value, 1)
    else if (value < 0x10000) write(out, 0xcd, value, 2)
    else if (value < 0x100000000) write(out, 0xce, value, 4)
    else write64(out, 0xcf, value)
  } else if (value >= -0x20) writeByte(out, value & 0xff)
  else if (value >= -0x80) write(out, 0xd0, value, 1)
  else if (value >= -0x8000) write(out, 0xd1, value, 2)
  else if (value >= -0x80000000) write(out, 0xd2, value, 4)
  else write64(out, 0xd3, value)
}

function writeBigInt(out: Bytes, value: bigint): void {
  if (value > MAX_UINT64 || value < MIN_INT64) return writeDouble(out, Number(value))
  double.setBigUint64(0, BigInt.asUintN(64, value))
  writeEight(out, value < 0n ? 0xd3 : 0xcf)
}

function writeDouble(out: Bytes, value: number): void {
  double.setFloat64(0, value)
  writeEight(out, 0xcb)
}

function writeEight(out: Bytes, type: number): void {
  write(out, type, double.getInt32(0), 4)
  out.reserve(4)
  write32(out.bytes, out.length, double.getInt32(4))
  out.length += 4
}

function write64(out: Bytes, type: number, value: number): void {
  write(out, type, Math.floor(value / 2 ** 32), 4)
  out.reserve(4)
  write32(out.bytes, out.length, value % 2 ** 32)
  out.length += 4
}

/** A count of 16 or more entries: `type` with 16 bits, or the type after it with 32. */
function writeLength(out: Bytes, type: number, length: number): void {
  if (length < 0x10000) write(out, type, length, 2)
  else write(out, type + 1, length, 4)
}

function writeByte(out: Bytes, byte: number): void {
  out.reserve(1)
  out.bytes[out.length++] = byte
}

function write(out: Bytes, type: number, value: number, size: 1 | 2 | 4): void {
  out.reserve(5)
  const { bytes, length: at } = out
  bytes[at] = type
  if (size === 4) write32(bytes, at + 1, value)
  else if (size === 2) {
    bytes[at + 1] = value >>> 8
    bytes[at + 2] = value
  } else bytes[at + 1] = value
  out.length = at + 1 + size
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
