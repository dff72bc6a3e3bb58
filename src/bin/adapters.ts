// Which broker and which session store the configuration asks for, built.

import { amqpBroker } from "../brokers/amqp/broker.ts"
import type { Broker } from "../brokers/broker.ts"
import type { RedisLocation } from "../brokers/redis/address.ts"
import { type RedisBroker, redisBroker } from "../brokers/redis/broker.ts"
import { isCluster } from "../brokers/redis/mode.ts"
import { type RedisValues, redisValues } from "../brokers/redis/values.ts"
import type { WriteFence } from "../brokers/redis/write-fence.ts"
import { stdioBroker } from "../brokers/stdio/broker.ts"
import { fileSink } from "../brokers/stdio/sink.ts"
import type { BrokerConfig, GatewayConfig, RedisConfig, ShardStoreConfig } from "../config/gateway-config.ts"
import { GATEWAY_GAP } from "../discord/events.ts"
import { systemClock } from "../flow/clock.ts"
import type { LeaseParts } from "../gateway/gateway-parts.ts"
import { fileSessionStore } from "../gateway/sessions/file-store.ts"
import { memorySessionStore } from "../gateway/sessions/memory-store.ts"
import { redisSessionStore } from "../gateway/sessions/redis-store.ts"
import type { SessionStore } from "../gateway/sessions/session.ts"
import type { GatewayMetrics } from "../ops/gateway-metrics.ts"
import type { Logger } from "../ops/log.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { type Coordination, newCoordination } from "./coordination.ts"
import { newLeases } from "./leases.ts"

const STANDARD_OUTPUT = 1

export interface Adapters {
  readonly broker: Broker
  readonly store: SessionStore
  readonly coordination: Coordination
  /** Absent where the configuration says which shards run here. */
  readonly leases?: LeaseParts
}

/**
 * @param node this process among those of the bot
 * @param stop ends the wait for a Redis that is not there yet
 * @throws OperatorError when one of them cannot be had.
 */
export async function newAdapters(
  config: GatewayConfig,
  node: string,
  metrics: GatewayMetrics,
  log: Logger,
  stop: AbortSignal,
): Promise<Adapters> {
  const { broker, shardStore } = config
  // There is one Redis in the configuration, whatever it is used for.
  let found: Promise<RedisLocation> | null = null
  const find = (redis: RedisConfig) => {
    found ??= locate(redis, log, stop)
    return found
  }
  const coordination = await newCoordination({ config, node, metrics: metrics.fleet, log, locate: find })
  const leases = await newLeases({ config, node, log, locate: find, onUnreadable: tellUnreadable(log) })
  if (broker.type === "redis") {
    const streams = newRedisBroker(broker, await find(broker.redis), metrics, log, leases?.admission)
    return {
      broker: streams,
      store: await newStore(shardStore, log, async () => streams.values),
      coordination,
      ...(leases && { leases: { ...leases, drop: (shard) => streams.drop(shard) } }),
    }
  }
  const newValues = async (redis: RedisConfig) => redisValues({ ...(await find(redis)), log })
  return {
    broker: newBroker(broker, config.events, metrics, log),
    store: await newStore(shardStore, log, newValues),
    coordination,
    ...(leases && { leases: { ...leases, drop: () => {} } }),
  }
}

/** Where Redis is, and whether it is a cluster. */
async function locate({ urls, ca }: RedisConfig, log: Logger, signal: AbortSignal): Promise<RedisLocation> {
  const location = { urls: urls.map((url) => url.reveal()), ...(ca === undefined ? {} : { ca }) }
  const options = { clock: systemClock, random: Math.random, log, signal }
  return { ...location, isCluster: await isCluster(location, options) }
}

function newBroker(
  broker: Exclude<BrokerConfig, { readonly type: "redis" }>,
  events: readonly string[],
  metrics: GatewayMetrics,
  logger: Logger,
): Broker {
  const { format } = broker
  if (format === "discordjs") {
    throw new OperatorError(`Cannot use broker.format "discordjs" with broker.type "${broker.type}": it needs "redis".`)
  }
  if (broker.type === "stdio") {
    return stdioBroker({ output: fileSink(STANDARD_OUTPUT), input: Bun.stdin.stream(), body: format, logger })
  }
  return amqpBroker({
    urls: broker.amqp.urls.map((url) => url.reveal()),
    ...(broker.amqp.ca === undefined ? {} : { ca: broker.amqp.ca }),
    group: broker.group,
    body: format,
    messageTimeoutMs: broker.messageTimeoutMs,
    events: [...events, GATEWAY_GAP],
    logger,
    onPoison: () => metrics.sendRefused("poison"),
    onState: (state) => metrics.brokerChanged(state),
  })
}

function newRedisBroker(
  { redis, group, format }: Extract<BrokerConfig, { readonly type: "redis" }>,
  location: RedisLocation,
  metrics: GatewayMetrics,
  logger: Logger,
  fence: WriteFence | undefined,
): RedisBroker {
  return redisBroker({
    ...location,
    ...(fence && { fence }),
    group,
    body: format,
    trimming: redis.trimming,
    poolSize: redis.poolSize,
    replicas: redis.replicas,
    logger,
    onPoison: () => metrics.sendRefused("poison"),
    onState: (state) => metrics.brokerChanged(state),
  })
}

/** @param valuesOf where the values of that Redis are kept: where events are published to Redis, in the same one */
async function newStore(
  store: ShardStoreConfig,
  log: Logger,
  valuesOf: (redis: RedisConfig) => Promise<RedisValues>,
): Promise<SessionStore> {
  const onUnreadable = tellUnreadable(log)
  switch (store.type) {
    case "memory":
      return memorySessionStore()
    case "file":
      return fileSessionStore({ folder: store.path, onUnreadable })
    case "redis":
      return redisSessionStore({ values: await valuesOf(store.redis), prefix: store.prefix, onUnreadable })
  }
}

function tellUnreadable(log: Logger) {
  return (where: string, reason: string) => {
    log.warn({ where }, `a stored session cannot be used (${reason}): that shard identifies`)
  }
}
