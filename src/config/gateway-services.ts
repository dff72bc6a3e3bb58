// The servers around the gateway: its broker, its session store, and the connections that these need.

import type { AmqpConfig, BrokerConfig, RedisConfig, RedisTrimming, ShardStoreConfig } from "./gateway-config.ts"
import type { GatewaySettings } from "./gateway-settings.ts"
import type { Report } from "./problem.ts"

export function brokerOf(settings: GatewaySettings, report: Report): BrokerConfig | undefined {
  const { values } = settings
  const type = values["broker.type"]
  const format = values["broker.format"] ?? (type === "redis" ? "msgpack" : "json")
  if (format === "discordjs" && type !== "redis") {
    report.problem(
      settings.place("broker.format"),
      `broker.format is "discordjs", which needs broker.type "redis", but that is "${type}".`,
    )
  }
  const common = { group: values["broker.group"], messageTimeoutMs: values["broker.message_timeout"], format }
  if (type === "stdio") return { type, ...common }
  if (type === "amqp") {
    const amqp = amqpOf(settings, report)
    return amqp && { type, ...common, amqp }
  }
  const redis = redisOf(settings, "broker.type", report)
  return redis && { type, ...common, redis }
}

export function shardStoreOf(settings: GatewaySettings, report: Report): ShardStoreConfig | undefined {
  const { values } = settings
  const type = values["shard_store.type"]
  if (type === "memory") return { type }
  if (type === "redis") {
    const redis = redisOf(settings, "shard_store.type", report)
    return redis && { type, prefix: values["shard_store.prefix"], redis }
  }
  const path = values["shard_store.path"]
  if (path !== undefined) return { type, path }
  report.problem(
    settings.place("shard_store.type"),
    'shard_store.type is "file", which needs shard_store.path: set the folder to keep sessions in.',
  )
  return undefined
}

type NeedsRedis = "broker.type" | "shard_store.type"

function redisOf(settings: GatewaySettings, neededBy: NeedsRedis, report: Report): RedisConfig | undefined {
  const { "redis.url": url, "redis.urls": urls, "redis.pool_size": poolSize } = settings.values
  const isOne = settings.isGiven("redis.url")
  const isMany = settings.isGiven("redis.urls")
  if (!isOne && !isMany) {
    report.problem(
      settings.place(neededBy),
      `${neededBy} is "redis", which needs redis.url: set REDIS_URL or redis.url, such as "redis://localhost:6379".`,
    )
    return undefined
  }
  if (isOne && isMany && settings.origin("redis.url") === settings.origin("redis.urls")) {
    report.problem(settings.place("redis.urls"), "redis.url and redis.urls are both set: keep one of them.")
    return undefined
  }
  const trimming = trimmingOf(settings, report)
  if (!settings.winsOver("redis.urls", "redis.url")) return url && { urls: [url], poolSize, trimming }
  if (urls?.length === 0) report.problem(settings.place("redis.urls"), "redis.urls is empty: write at least one URL.")
  return urls && { urls, poolSize, trimming }
}

function trimmingOf(settings: GatewaySettings, report: Report): RedisTrimming {
  const { "redis.retention": retentionMs, "redis.max_length": maxLength } = settings.values
  if (maxLength === undefined || settings.winsOver("redis.retention", "redis.max_length")) return { retentionMs }
  if (settings.origin("redis.retention") === settings.origin("redis.max_length")) {
    report.problem(
      settings.place("redis.max_length"),
      "redis.retention and redis.max_length are both set: keep one of them, since Redis trims a stream by one.",
    )
  }
  return { maxLength }
}

function amqpOf(settings: GatewaySettings, report: Report): AmqpConfig | undefined {
  const urls = settings.values["amqp.url"]
  if (urls !== undefined && urls.length > 0) return { urls }
  if (urls !== undefined || !settings.isGiven("amqp.url")) {
    report.problem(
      settings.place("broker.type"),
      'broker.type is "amqp", which needs amqp.url: set AMQP_URL or amqp.url, such as "amqp://localhost:5672".',
    )
  }
  return undefined
}
