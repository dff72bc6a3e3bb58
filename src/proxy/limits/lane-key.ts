// What a lane is found by: one number for a token and a route. A text of both would be joined, hashed, compared and thrown
// away with every request, and the token's digest made before.

/** What is left of a double's 53 bits beside a hash of 32. */
const REST_BITS = 21
/** Known to nobody outside, so that no tokens or paths can be chosen that fall together. */
const SEED = seed()

/**
 * The same for the same token and route, and for no others: with 200,000 lanes, the most there are, two have the same key in
 * one process of 450,000.
 * @param token whatever stands for it: nothing of it can be read from the key.
 */
export function laneKeyOf(token: string, template: string, major: string): number {
  return mixed(major, mixed(template, mixed(token, SEED)))
}

/** 53 bits of two hashes, each begun with a part of `start`. Two characters a step: each step waits for the one before. */
function mixed(text: string, start: number): number {
  const last = text.length - 1
  let high = (start / 2 ** REST_BITS) | 0
  let low = (start << (32 - REST_BITS)) ^ text.length
  for (let at = 0; at <= last; at += 2) {
    const codes = text.charCodeAt(at) | (at < last ? text.charCodeAt(at + 1) << 16 : 0)
    high = Math.imul(high ^ codes, 0x85ebca6b)
    high ^= high >>> 13
    low = Math.imul(low ^ codes, 0xcc9e2d51)
    low ^= low >>> 15
  }
  return (high >>> 0) * 2 ** REST_BITS + (low >>> (32 - REST_BITS))
}

function seed(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2))
  return high * 2 ** REST_BITS + (low >>> (32 - REST_BITS))
}
