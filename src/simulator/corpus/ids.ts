// Snowflakes and timestamps as Discord writes them.

import { DISCORD_EPOCH_MS } from "../../discord/snowflake.ts"
import type { Random } from "./random.ts"

const LOW_BITS = 22
const TIME_SCALE = 1n << BigInt(LOW_BITS)

/** A snowflake made at `timeMs` (Unix ms). */
export function snowflake(timeMs: number, random: Random): string {
  const low = random.below(2 ** LOW_BITS)
  return (BigInt(Math.floor(timeMs) - DISCORD_EPOCH_MS) * TIME_SCALE + BigInt(low)).toString()
}

/** `2026-08-01T12:00:00.123000+00:00`: Discord's timestamps have microseconds and an offset. */
export function timestamp(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, -1)}000+00:00`
}

/** A 32 digit hash, as in avatars and icons. */
export function assetHash(random: Random): string {
  let text = ""
  while (text.length < 32)
    text += Math.floor(random.next() * 2 ** 32)
      .toString(16)
      .padStart(8, "0")
  return text
}
