// The servers around the gateway: its broker, its session store, and the connections that these need.

import { authorityOf } from "./authority.ts"
import type {
  AdminConfig,
  AmqpConfig,
  BrokerConfig,
  IdentifyQueueConfig,
  RedisConfig,
  RedisTrimming,
  ShardStoreConfig,
} from "./gateway-config.ts"
import type { GatewaySettings } from "./gateway-settings.ts"
import type { Report } from "./problem.ts"
import type { ReadText } from "./read-text.ts"
import { isSentinelUrl } from "./redis-url.ts"

export function brokerOf(settings: GatewaySettings, readText: ReadText, report: Report): BrokerConfig | undefined {
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
    const amqp = amqpOf(settings, readText, report)
    return amqp && { type, ...common, amqp }
  }
  const redis = redisOf(settings, "broker.type", readText, report)
  return redis && { type, ...common, redis }
}

export function shardStoreOf(
  settings: GatewaySettings,
  readText: ReadText,
  report: Report,
): ShardStoreConfig | undefined {
  const { values } = settings
  const type = values["shard_store.type"]
  if (type === "memory") return { type }
  if (type === "redis") {
    const redis = redisOf(settings, "shard_store.type", readText, report)
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

/** Shared wherever sessions are: other processes of the bot may be there. */
export function identifyQueueOf(
  settings: GatewaySettings,
  readText: ReadText,
  report: Report,
): IdentifyQueueConfig | undefined {
  const { values } = settings
  const type = values["identify.queue"] ?? (values["shard_store.type"] === "redis" ? "redis" : "memory")
  if (type === "memory") return { type }
  const neededBy = settings.isGiven("identify.queue") ? "identify.queue" : "shard_store.type"
  const redis = redisOf(settings, neededBy, readText, report)
  return redis && { type, prefix: values["shard_store.prefix"], redis }
}

export function adminOf(settings: GatewaySettings, report: Report): AdminConfig | undefined {
  const { "admin.address": address, "admin.token": token } = settings.values
  if (address !== undefined && token !== undefined) return { address, token }
  if (address !== undefined && !settings.isRejected("admin.token")) {
    report.problem(
      settings.place("admin.address"),
      "admin.address needs admin.token: set ADMIN_TOKEN to a text that nobody can guess, as openssl rand -hex 16 prints.",
    )
  }
  return undefined
}

type NeedsRedis = "broker.type" | "shard_store.type" | "identify.queue"

function redisOf(
  settings: GatewaySettings,
  neededBy: NeedsRedis,
  readText: ReadText,
  report: Report,
): RedisConfig | undefined {
  const {
    "redis.url": url,
    "redis.urls": urls,
    "redis.pool_size": poolSize,
    "redis.replicas": replicas,
  } = settings.values
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
  const ca = authorityOf("redis.ca_file", settings, readText, report)
  const common = { poolSize, replicas, trimming: trimmingOf(settings, report), ...(ca && { ca }) }
  if (!settings.winsOver("redis.urls", "redis.url")) return url && { urls: [url], ...common }
  if (urls?.length === 0) report.problem(settings.place("redis.urls"), "redis.urls is empty: write at least one URL.")
  if (urls !== undefined && urls.length > 1 && urls.some((one) => isSentinelUrl(one.reveal()))) {
    report.problem(
      settings.place("redis.urls"),
      'redis.urls lists the URL of sentinels beside others: write all sentinels in one, "redis+sentinel://one,two/mymaster".',
    )
  }
  return urls && { urls, ...common }
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

function amqpOf(settings: GatewaySettings, readText: ReadText, report: Report): AmqpConfig | undefined {
  const urls = settings.values["amqp.url"]
  const ca = authorityOf("amqp.ca_file", settings, readText, report)
  if (urls !== undefined && urls.length > 0) return { urls, ...(ca && { ca }) }
  if (urls !== undefined || !settings.isGiven("amqp.url")) {
    report.problem(
      settings.place("broker.type"),
      'broker.type is "amqp", which needs amqp.url: set AMQP_URL or amqp.url, such as "amqp://localhost:5672".',
    )
  }
  return undefined
}
