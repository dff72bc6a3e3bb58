// Which broker and which session store the configuration asks for, built.

import { amqpBroker } from "../brokers/amqp/broker.ts"
import type { Broker } from "../brokers/broker.ts"
import { placeOf, type RedisLocation } from "../brokers/redis/address.ts"
import { type RedisBroker, redisBroker } from "../brokers/redis/broker.ts"
import { newClient } from "../brokers/redis/clients.ts"
import { isCluster } from "../brokers/redis/mode.ts"
import { type RedisValues, redisValues } from "../brokers/redis/values.ts"
import { stdioBroker } from "../brokers/stdio/broker.ts"
import { fileSink } from "../brokers/stdio/sink.ts"
import type {
  BrokerConfig,
  GatewayConfig,
  IdentifyQueueConfig,
  RedisConfig,
  ShardStoreConfig,
} from "../config/gateway-config.ts"
import { GATEWAY_GAP } from "../discord/events.ts"
import { systemClock } from "../flow/clock.ts"
import type { IdentifyQueue, IdentifyQueueOptions } from "../gateway/identify/identify-queue.ts"
import { memoryIdentifyQueue } from "../gateway/identify/memory-queue.ts"
import { sharedIdentifyQueue } from "../gateway/identify/redis/queue.ts"
import { redisLine } from "../gateway/identify/redis/redis-line.ts"
import { fileSessionStore } from "../gateway/sessions/file-store.ts"
import { memorySessionStore } from "../gateway/sessions/memory-store.ts"
import { redisSessionStore } from "../gateway/sessions/redis-store.ts"
import type { SessionStore } from "../gateway/sessions/session.ts"
import type { GatewayMetrics } from "../ops/gateway-metrics.ts"
import type { Logger } from "../ops/log.ts"
import { OperatorError } from "../ops/operator-error.ts"

const STANDARD_OUTPUT = 1
/** A connection for identify slots that answers nothing for so long is dropped. */
const SILENT_MS = 10_000

export interface Adapters {
  readonly broker: Broker
  readonly store: SessionStore
  readonly identifyQueue: (options: IdentifyQueueOptions) => IdentifyQueue
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
  const identifyQueue = await newIdentifyQueue(config.identifyQueue, node, metrics, log, find)
  if (broker.type === "redis") {
    const streams = newRedisBroker(broker, await find(broker.redis), metrics, log)
    return { broker: streams, store: await newStore(shardStore, log, async () => streams.values), identifyQueue }
  }
  const newValues = async (redis: RedisConfig) => redisValues({ ...(await find(redis)), log })
  return {
    broker: newBroker(broker, config.events, metrics, log),
    store: await newStore(shardStore, log, newValues),
    identifyQueue,
  }
}

async function newIdentifyQueue(
  queue: IdentifyQueueConfig,
  node: string,
  metrics: GatewayMetrics,
  log: Logger,
  find: (redis: RedisConfig) => Promise<RedisLocation>,
): Promise<Adapters["identifyQueue"]> {
  if (queue.type === "memory") return memoryIdentifyQueue
  const place = placeOf(await find(queue.redis))
  const connect = (purpose: string, silentMs: number | null) =>
    newClient({ place, log, random: Math.random }, purpose, silentMs)
  return (options) => {
    const commands = connect("identify slots", SILENT_MS)
    const subscriber = connect("turns to identify", null)
    return sharedIdentifyQueue({
      ...options,
      process: node,
      line: (onWake) => redisLine({ commands, subscriber, prefix: queue.prefix, process: node, onWake }),
      on: {
        granted: (waitedMs) => metrics.fleet.slotGranted(waitedMs),
        givenBack: () => metrics.fleet.slotReturned(),
      },
    })
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
): RedisBroker {
  return redisBroker({
    ...location,
    group,
    body: format,
    trimming: redis.trimming,
    poolSize: redis.poolSize,
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
  const onUnreadable = (where: string, reason: string) => {
    log.warn({ where }, `a stored session cannot be used (${reason}): that shard identifies`)
  }
  switch (store.type) {
    case "memory":
      return memorySessionStore()
    case "file":
      return fileSessionStore({ folder: store.path, onUnreadable })
    case "redis":
      return redisSessionStore({ values: await valuesOf(store.redis), prefix: store.prefix, onUnreadable })
  }
}
