// Replies over Redis. Callers of other libraries publish their request before they listen, so a fast reply may find nobody,
// or somebody who listens and is not ready to hear. They leave their channel when they have heard: until then the reply is
// published again.

import { type Clock, sleep } from "../../flow/clock.ts"
import type { RedisClient } from "./client.ts"

/** Waits between tries. Past their sum, 126 ms, nobody is listening. */
const RETRY_DELAYS_MS = [2, 4, 8, 16, 32, 64]
/** When the caller is looked for after that, each so long after the time before: 1.2 s in all. */
const LOOKS_MS = [10, 30, 90, 270, 810]
/** Looks that may find nobody: whoever heard it may have been somebody else, who listens to every channel of the event. */
const MISSES = 3
/** In a cluster, where Redis counts listeners on one of its servers alone, a reply is published again without asking. */
const CLUSTER_REPEATS_MS = [10, 60]

const NEVER = new AbortController().signal

/**
 * Makes the function that replies to an entry. It resolves once somebody has received the reply, or is not there.
 * @param channel the entry's own: `{event}:{entry id}`
 */
export function replier(redis: RedisClient, channel: string, clock: Clock): (body: Buffer) => Promise<void> {
  return async (body) => {
    if (redis.isCluster === true) return await publishBlindly(redis, channel, body, clock)
    const received = await publish(redis, channel, body, clock)
    // It arrived already, or nearly so: a failure costs nothing more.
    if (received) publishUntilItLeaves(redis, channel, body, clock).catch(() => {})
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

async function publishUntilItLeaves(redis: RedisClient, channel: string, body: Buffer, clock: Clock): Promise<void> {
  let wasThere = false
  for (const [index, delayMs] of LOOKS_MS.entries()) {
    await sleep(clock, delayMs, NEVER)
    const reply = await redis.call("pubsub", "numsub", channel)
    const isThere = Array.isArray(reply) && Number(reply[1]) > 0
    if (!isThere && (wasThere || index + 1 >= MISSES)) return
    if (isThere) await redis.call("publish", channel, body)
    wasThere ||= isThere
  }
}
