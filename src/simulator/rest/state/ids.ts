// New snowflakes, in order and never the same twice.

import { DISCORD_EPOCH_MS } from "../../../discord/snowflake.ts"
import type { Clock } from "../../../flow/clock.ts"

export type NewId = () => string

const TIME_SHIFT = 22n

export function snowflakes(clock: Clock): NewId {
  let last = 0n
  return () => {
    const id = BigInt(Math.floor(clock.wallMs()) - DISCORD_EPOCH_MS) << TIME_SHIFT
    last = id > last ? id : last + 1n
    return last.toString()
  }
}
