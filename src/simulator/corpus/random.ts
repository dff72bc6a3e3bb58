// Seeded randomness (sfc32): the same seed gives the same world and the same traffic on every machine.

export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** An integer in [0, limit). */
  below(limit: number): number
  /** An integer in [min, max]. */
  between(min: number, max: number): number
  chance(probability: number): boolean
  /** @throws RangeError when the list is empty. */
  pick<T>(list: readonly T[]): T
  /** Random text of the characters a–z and 0–9. */
  token(length: number): string
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
const WARM_UP_ROUNDS = 12

/** `stream` tells apart independent sequences of one seed: a guild's, a shard's. */
export function seededRandom(seed: number, stream: number | string = 0): Random {
  const next = sfc32(seed, typeof stream === "number" ? stream : hash(stream))
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    next,
    below,
    between: (min, max) => min + below(max - min + 1),
    chance: (probability) => next() < probability,
    pick(list) {
      const item = list[below(list.length)]
      if (item === undefined) throw new RangeError("Cannot pick from an empty list.")
      return item
    },
    token(length) {
      let text = ""
      for (let i = 0; i < length; i++) text += ALPHABET[below(ALPHABET.length)]
      return text
    },
  }
}

function sfc32(seed: number, stream: number): () => number {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = stream | 0
  let counter = 1
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let i = 0; i < WARM_UP_ROUNDS; i++) next()
  return next
}

/** FNV-1a, to make a number of a stream's name. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value
}
