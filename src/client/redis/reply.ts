// Replies over Redis. Callers of other libraries publish their request before they listen, so a fast reply finds nobody:
// it is published again for a moment, until somebody receives it.

import { type Clock, sleep } from "../../flow/clock.ts"
import type { RedisClient } from "./client.ts"

/** Waits between tries. Past their sum, 126 ms, nobody is listening. */
const RETRY_DELAYS_MS = [2, 4, 8, 16, 32, 64]

const NEVER = new AbortController().signal

/** Publishes a reply to the entry of that id. */
export async function reply(redis: RedisClient, channel: string, body: Buffer, clock: Clock): Promise<void> {
  for (const delayMs of [...RETRY_DELAYS_MS, undefined]) {
    const receivers = Number(await redis.call("publish", channel, body))
    if (receivers > 0 || delayMs === undefined) return
    await sleep(clock, delayMs, NEVER)
  }
}
