// Which broker and which session store the configuration asks for, built.

import { amqpBroker } from "../brokers/amqp/broker.ts"
import type { Broker } from "../brokers/broker.ts"
import { type RedisBroker, redisBroker } from "../brokers/redis/broker.ts"
import { redisValues } from "../brokers/redis/values.ts"
import { stdioBroker } from "../brokers/stdio/broker.ts"
import { fileSink } from "../brokers/stdio/sink.ts"
import type { BrokerConfig, GatewayConfig, ShardStoreConfig } from "../config/gateway-config.ts"
import { GATEWAY_GAP } from "../discord/events.ts"
import { fileSessionStore } from "../gateway/sessions/file-store.ts"
import { memorySessionStore } from "../gateway/sessions/memory-store.ts"
import { redisSessionStore } from "../gateway/sessions/redis-store.ts"
import type { SessionStore } from "../gateway/sessions/session.ts"
import type { GatewayMetrics } from "../ops/gateway-metrics.ts"
import type { Logger } from "../ops/log.ts"
import { OperatorError } from "../ops/operator-error.ts"

const STANDARD_OUTPUT = 1

export interface Adapters {
  readonly broker: Broker
  readonly store: SessionStore
}

/** @throws OperatorError when one of them cannot be had. */
export function newAdapters(config: GatewayConfig, metrics: GatewayMetrics, log: Logger): Adapters {
  if (config.broker.type !== "redis") {
    return {
      broker: newBroker(config.broker, config.events, metrics, log),
      store: newStore(config.shardStore, null, log),
    }
  }
  const broker = newRedisBroker(config.broker, metrics, log)
  return { broker, store: newStore(config.shardStore, broker, log) }
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
  metrics: GatewayMetrics,
  logger: Logger,
): RedisBroker {
  return redisBroker({
    urls: redis.urls.map((url) => url.reveal()),
    group,
    body: format,
    trimming: redis.trimming,
    poolSize: redis.poolSize,
    logger,
    onPoison: () => metrics.sendRefused("poison"),
    onState: (state) => metrics.brokerChanged(state),
  })
}

/** @param broker the Redis that is published to: there is one Redis in the configuration, so sessions are kept there too */
function newStore(store: ShardStoreConfig, broker: RedisBroker | null, log: Logger): SessionStore {
  const onUnreadable = (where: string, reason: string) => {
    log.warn({ where }, `a stored session cannot be used (${reason}): that shard identifies`)
  }
  switch (store.type) {
    case "memory":
      return memorySessionStore()
    case "file":
      return fileSessionStore({ folder: store.path, onUnreadable })
    case "redis": {
      const values = broker?.values ?? redisValues({ urls: store.redis.urls.map((url) => url.reveal()), log })
      return redisSessionStore({ values, prefix: store.prefix, onUnreadable })
    }
  }
}
