// Which limiter the configuration asks for, built.

import { placeOf } from "../brokers/redis/address.ts"
import { newClient, newListener } from "../brokers/redis/clients.ts"
import { isCluster } from "../brokers/redis/mode.ts"
import type { LimitStoreConfig, LimitsConfig } from "../config/proxy-config.ts"
import { systemClock } from "../flow/clock.ts"
import type { Logger } from "../ops/log.ts"
import type { Limiter, LimiterBounds } from "../proxy/limits/limiter.ts"
import { MemoryLimiter } from "../proxy/limits/memory/memory-limiter.ts"
import { CHANNEL } from "../proxy/limits/redis/keys.ts"
import { RedisLimiter } from "../proxy/limits/redis/redis-limiter.ts"
import { redisScripts } from "../proxy/limits/redis/scripts.ts"

/** A connection that answers nothing for so long is dropped. Longer than between two beats of the limiter. */
const SILENT_MS = 5_000
/** Characters of an instance's name: enough that no two are the same. */
const NAME_LENGTH = 12

/**
 * @param signal ends the search for Redis
 * @throws OperatorError when Redis keeps the limits and cannot be reached at the start.
 */
export async function newLimiter(
  { store, queuePerBucket, queue, idleMs }: LimitsConfig,
  log: Logger,
  signal: AbortSignal,
): Promise<Limiter> {
  const bounds = { perBucket: queuePerBucket, total: queue, idleMs }
  if (store.type === "memory") return new MemoryLimiter({ clock: systemClock, log, bounds })
  return newRedisLimiter(store, bounds, log, signal)
}

async function newRedisLimiter(
  { urls, ca, address }: Extract<LimitStoreConfig, { readonly type: "redis" }>,
  bounds: LimiterBounds,
  log: Logger,
  signal: AbortSignal,
): Promise<Limiter> {
  const location = { urls: urls.map((url) => url.reveal()), ...(ca && { ca }) }
  const common = { clock: systemClock, log, random: Math.random }
  const place = placeOf({ ...location, isCluster: await isCluster(location, { ...common, signal }) })
  const commands = newClient({ place, ...common }, "the limits", SILENT_MS)
  const subscriber = newListener({ place, ...common }, "news of the limits")
  return new RedisLimiter({
    scripts: redisScripts(commands),
    listen(onMessage) {
      subscriber.on("message", (_channel: string, message: string) => onMessage(message))
      // It subscribes again by itself; without it, every wait ends by its timer.
      subscriber.subscribe(CHANNEL).catch(() => {})
    },
    clock: systemClock,
    log,
    bounds,
    me: crypto.randomUUID().replaceAll("-", "").slice(0, NAME_LENGTH),
    address,
    release() {
      commands.disconnect()
      subscriber.disconnect()
    },
  })
}
