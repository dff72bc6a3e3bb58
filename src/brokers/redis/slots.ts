// Which of a cluster's 16,384 slots a key lives in.
// Source: Redis cluster specification › Key distribution model, Hash tags; CRC16 (XMODEM).

export const SLOT_COUNT = 16_384

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit += 1) crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)
  return crc & 0xffff
})

export function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(hashed(key))) crc = ((crc << 8) ^ (TABLE[((crc >> 8) ^ byte) & 0xff] ?? 0)) & 0xffff
  return crc % SLOT_COUNT
}

/** What stands in the first braces, if anything does; else the whole key. */
function hashed(key: string): string {
  const open = key.indexOf("{")
  const close = key.indexOf("}", open + 1)
  return open === -1 || close <= open + 1 ? key : key.slice(open + 1, close)
}
