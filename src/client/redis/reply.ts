// Replies over Redis. Callers of other libraries publish their request before they listen, so a fast reply may find nobody,
// or somebody who listens and is not ready to hear: it is published again for a moment.

import { type Clock, sleep } from "../../flow/clock.ts"
import type { RedisClient } from "./client.ts"

/** Waits between tries. Past their sum, 126 ms, nobody is listening. */
const RETRY_DELAYS_MS = [2, 4, 8, 16, 32, 64]
/** Who replies later than this after the request came replies to a caller that is ready. */
const FAST_REPLY_MS = 100
/** In a cluster, where Redis counts listeners on one of its servers alone, a reply is published again without asking. */
const CLUSTER_REPEATS_MS = [10, 60]
/** The subscription of a caller and our reply may reach it in one piece, and it then hears only what follows. */
const REPEAT_AFTER_MS = 10

const NEVER = new AbortController().signal

/**
 * Makes the function that replies to an entry which has just come.
 * @param channel the entry's own: `{event}:{entry id}`
 */
export function replier(redis: RedisClient, channel: string, clock: Clock): (body: Buffer) => Promise<void> {
  const cameMs = clock.nowMs()
  return async (body) => {
    if (redis.isCluster === true) return await publishBlindly(redis, channel, body, clock)
    const received = await publish(redis, channel, body, clock)
    if (!received || clock.nowMs() - cameMs > FAST_REPLY_MS) return
    // It arrived already, or nearly so: a failure costs nothing more.
    clock.after(REPEAT_AFTER_MS, () => void redis.call("publish", channel, body).catch(() => {}))
  }
}

async function publishBlindly(redis: RedisClient, channel: string, body: Buffer, clock: Clock): Promise<void> {
  await redis.call("publish", channel, body)
  for (const delayMs of CLUSTER_REPEATS_MS) {
    clock.after(delayMs, () => void redis.call("publish", channel, body).catch(() => {}))
  }
}

/** Whether anybody received it. */
async function publish(redis: RedisClient, channel: string, body: Buffer, clock: Clock): Promise<boolean> {
  for (const delayMs of [...RETRY_DELAYS_MS, undefined]) {
    const receivers = Number(await redis.call("publish", channel, body))
    if (receivers > 0) return true
    if (delayMs !== undefined) await sleep(clock, delayMs, NEVER)
  }
  return false
}
