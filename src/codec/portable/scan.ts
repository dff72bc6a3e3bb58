// One pass over a payload's bytes for what JSON.parse does not tell: how deep it nests, and where the raw text of `d`
// lies. It checks nothing else; JSON.parse decides whether the text is JSON.

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const LETTER_D = 0x64
/** `d` as an escape, the only other way to write that key. */
const ESCAPED_D = [0x5c, 0x75, 0x30, 0x30, 0x36, 0x34]

export interface Scan {
  /** The deepest nesting of containers; the payload's own object is 1. */
  readonly depth: number
  /** The raw text of the last `d` of the payload's object, without white space around it; both 0 when there is none. */
  readonly start: number
  readonly end: number
}

/** Scans a payload. Gives up, with what it has, once nesting passes `maxDepth`. */
export function scanPayload(text: Uint8Array, maxDepth: number): Scan {
  let depth = 0
  let deepest = 0
  let inKey = true
  let keyIsD = false
  let valueStart = 0
  let start = 0
  let end = 0
  for (let i = 0; i < text.length; i++) {
    const byte = text[i]
    if (byte === QUOTE) {
      const close = endOfString(text, i + 1)
      if (depth === 1 && inKey) keyIsD = isD(text, i + 1, close)
      i = close
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth++
      if (depth > deepest) deepest = depth
      if (depth > maxDepth) break
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || byte === COMMA) {
      if (depth === 1) {
        if (keyIsD && !inKey) {
          start = skipSpace(text, valueStart)
          end = trimSpace(text, i)
        }
        inKey = true
        keyIsD = false
      }
      if (byte !== COMMA) depth--
    } else if (byte === COLON && depth === 1) {
      inKey = false
      valueStart = i + 1
    }
  }
  return { depth: deepest, start, end }
}

/** The position of the closing quote, or the text's length when there is none. */
function endOfString(text: Uint8Array, from: number): number {
  let i = from
  while (i < text.length) {
    const byte = text[i]
    if (byte === QUOTE) return i
    i += byte === BACKSLASH ? 2 : 1
  }
  return text.length
}

function isD(text: Uint8Array, start: number, end: number): boolean {
  if (end - start === 1) return text[start] === LETTER_D
  return end - start === ESCAPED_D.length && ESCAPED_D.every((byte, i) => text[start + i] === byte)
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function skipSpace(text: Uint8Array, from: number): number {
  let i = from
  while (isSpace(text[i])) i++
  return i
}

function trimSpace(text: Uint8Array, to: number): number {
  let i = to
  while (i > 0 && isSpace(text[i - 1])) i--
  return i
}
