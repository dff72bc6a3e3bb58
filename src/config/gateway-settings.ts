// Every setting of the gateway: its key in gateway.toml, its environment variables, its rule and its default.
// docs/configuration.md explains them; a test holds the two together.

import { botToken, eventNames, intents, MAX_SHARDS, presence, shardIds } from "./discord-values.ts"
import { formatDuration } from "./duration.ts"
import { COMPRESSION_SETTINGS, LOG_LEVELS, type Presence } from "./gateway-config.ts"
import { formatListenAddress, parseListenAddress } from "./listen-address.ts"
import { redisUrl, redisUrls } from "./redis-url.ts"
import { optional, type Settings, setting } from "./settings.ts"
import { choice, duration, integer, list, parsed, secret, serviceUrl, text } from "./values.ts"

const API_VERSION = 10
const MAX_API_VERSION = 99
/** Identify carries intents as a number that the original gateway read as 32 bits. */
const MAX_RAW_INTENTS = 2 ** 32 - 1
const MAX_POOL_SIZE = 1_000
const MAX_WEIGHT = 1_000
const MAX_STREAM_LENGTH = 2 ** 31
/** Above the daily identifies of the largest bots. */
const MAX_IDENTIFY_RESERVE = 100_000
/**
 * Of 1,000 identifies a day, 50 stay unused: enough to start a bot by hand a few dozen times after something went wrong,
 * few enough that a bot of 900 shards can still start all of them.
 */
const IDENTIFY_RESERVE = 50

/** Who may steer the gateway need not reach it from elsewhere: that has to be asked for. */
const LOOPBACK = "127.0.0.1"
/** Not to be guessed. */
const ADMIN_TOKEN_LENGTH = 16

const AMQP_URL = serviceUrl(["amqp", "amqps"], "amqp://localhost:5672")

export const GATEWAY_SETTINGS = {
  token: optional({ variables: ["DISCORD_TOKEN"], schema: botToken(), print: String }),
  token_file: optional({ variables: ["DISCORD_TOKEN_FILE"], schema: text("write the path of a file.") }),
  events: optional({ variables: ["DISCORD_EVENTS"], schema: eventNames() }),
  intents: optional({ variables: ["DISCORD_INTENTS"], schema: intents() }),
  raw_intents: optional({ variables: ["DISCORD_RAW_INTENTS"], schema: integer(0, MAX_RAW_INTENTS) }),
  gateway_version: setting({
    variables: ["DISCORD_GATEWAY_VERSION"],
    schema: integer(1, MAX_API_VERSION),
    fallback: API_VERSION,
  }),
  compression: setting({ variables: ["DISCORD_COMPRESSION"], schema: choice(COMPRESSION_SETTINGS), fallback: "auto" }),
  codec: setting({
    variables: ["SPECTACLES_CODEC"],
    schema: choice(["auto", "native", "portable"]),
    fallback: "auto",
  }),
  shutdown_timeout: setting({
    variables: ["SHUTDOWN_TIMEOUT"],
    schema: duration(),
    fallback: "10s",
    print: formatDuration,
  }),
  presence: optional({
    variables: ["DISCORD_PRESENCE"],
    schema: presence(),
    print: withoutNull,
  }),
  "shards.count": setting({ variables: ["DISCORD_SHARD_COUNT"], schema: integer(0, MAX_SHARDS), fallback: 0 }),
  "shards.ids": optional({ variables: ["DISCORD_SHARD_IDS"], schema: shardIds() }),
  "shards.ownership": setting({
    variables: ["DISCORD_SHARD_OWNERSHIP"],
    schema: choice(["config", "redis"]),
    fallback: "config",
  }),
  "shards.lease": setting({
    variables: ["DISCORD_SHARD_LEASE"],
    schema: duration(),
    fallback: "10s",
    print: formatDuration,
  }),
  "shards.max": optional({ variables: ["DISCORD_SHARD_MAX"], schema: integer(0, MAX_SHARDS) }),
  "shards.weight": setting({ variables: ["DISCORD_SHARD_WEIGHT"], schema: integer(1, MAX_WEIGHT), fallback: 1 }),
  "identify.reserve": setting({
    variables: ["DISCORD_IDENTIFY_RESERVE"],
    schema: integer(0, MAX_IDENTIFY_RESERVE),
    fallback: IDENTIFY_RESERVE,
  }),
  "identify.queue": optional({ variables: ["DISCORD_IDENTIFY_QUEUE"], schema: choice(["memory", "redis"]) }),
  "api.scheme": setting({
    variables: ["DISCORD_API_SCHEME", "DISCORD_API_PROTOCOL"],
    schema: choice(["https", "http"]),
    fallback: "https",
  }),
  "api.host": setting({
    variables: ["DISCORD_API_HOST"],
    schema: parsed('write a host without scheme and path, such as "discord.com" or "localhost:3000".', apiHost),
    fallback: "discord.com",
  }),
  "api.version": setting({
    variables: ["DISCORD_API_VERSION"],
    schema: integer(1, MAX_API_VERSION),
    fallback: API_VERSION,
  }),
  "broker.type": setting({
    variables: ["BROKER_TYPE"],
    schema: choice(["stdio", "redis", "amqp"]),
    fallback: "stdio",
  }),
  "broker.group": setting({ variables: ["BROKER_GROUP"], schema: text("write a name."), fallback: "gateway" }),
  "broker.message_timeout": setting({
    variables: ["BROKER_MESSAGE_TIMEOUT"],
    schema: duration(),
    fallback: "2m",
    print: formatDuration,
  }),
  "broker.format": optional({ variables: ["BROKER_FORMAT"], schema: choice(["json", "msgpack", "discordjs"]) }),
  "redis.url": optional({ variables: [], schema: redisUrl(), print: String }),
  "redis.urls": optional({
    variables: ["REDIS_URL"],
    schema: redisUrls(),
    print: (urls) => urls?.map(String),
  }),
  "redis.ca_file": optional({ variables: ["REDIS_CA_FILE"], schema: text("write the path of a file.") }),
  "redis.pool_size": setting({ variables: ["REDIS_POOL_SIZE"], schema: integer(1, MAX_POOL_SIZE), fallback: 5 }),
  "redis.retention": setting({
    variables: ["REDIS_RETENTION"],
    schema: duration(),
    fallback: "1h",
    print: formatDuration,
  }),
  "redis.max_length": optional({ variables: ["REDIS_MAX_LENGTH"], schema: integer(1, MAX_STREAM_LENGTH) }),
  "amqp.url": optional({
    variables: ["AMQP_URL"],
    schema: list(AMQP_URL, 'write a URL, or several with commas: "amqp://one:5672,amqp://two:5672".'),
    print: (urls) => urls?.map(String).join(","),
  }),
  "amqp.ca_file": optional({ variables: ["AMQP_CA_FILE"], schema: text("write the path of a file.") }),
  "shard_store.type": setting({
    variables: ["SHARD_STORE_TYPE"],
    schema: choice(["memory", "redis", "file"]),
    fallback: "memory",
  }),
  "shard_store.prefix": setting({
    variables: ["SHARD_STORE_PREFIX"],
    schema: text("write a name."),
    fallback: "gateway",
  }),
  "shard_store.path": optional({ variables: ["SHARD_STORE_PATH"], schema: text("write the path of a folder.") }),
  "prometheus.address": optional({
    variables: ["PROMETHEUS_ADDRESS"],
    schema: parsed('write where to listen, such as ":8080", "127.0.0.1:8080" or "[::1]:8080".', (value) =>
      typeof value === "string" || typeof value === "number" ? parseListenAddress(String(value)) : undefined,
    ),
    print: (address) => (address === undefined ? undefined : formatListenAddress(address)),
  }),
  "prometheus.endpoint": setting({
    variables: ["PROMETHEUS_ENDPOINT"],
    schema: parsed('write a path such as "/metrics", other than /healthz, /readyz and /shards.', metricsPath),
    fallback: "/metrics",
  }),
  "admin.address": optional({
    variables: ["ADMIN_ADDRESS"],
    schema: parsed('write where to listen, such as "127.0.0.1:8081" or ":8081".', (value) =>
      typeof value === "string" || typeof value === "number" ? parseListenAddress(String(value), LOOPBACK) : undefined,
    ),
    print: (address) => (address === undefined ? undefined : formatListenAddress(address)),
  }),
  "admin.token": optional({ variables: ["ADMIN_TOKEN"], schema: secret(ADMIN_TOKEN_LENGTH), print: String }),
  "log.level": setting({
    variables: ["LOG_LEVEL"],
    schema: choice(LOG_LEVELS, { warning: "warn" }),
    fallback: "info",
  }),
  "log.format": optional({ variables: ["LOG_FORMAT"], schema: choice(["pretty", "json"]) }),
} as const

export type GatewaySettings = Settings<typeof GATEWAY_SETTINGS>

/** A presence as TOML can hold it, which has no null. */
function withoutNull(value: Presence | undefined): object | undefined {
  if (value?.since !== null) return value
  const { since: _, ...rest } = value
  return rest
}

function apiHost(value: unknown): string | undefined {
  if (typeof value !== "string" || !URL.canParse(`http://${value}`)) return undefined
  const host = value.trim()
  return /^[^/?#@\s]+$/.test(host) ? host : undefined
}

/** Paths that the health server answers by itself. */
const TAKEN_PATHS = ["/healthz", "/readyz", "/shards"]

function metricsPath(value: unknown): string | undefined {
  return typeof value === "string" && /^\/[^\s?#]*$/.test(value) && !TAKEN_PATHS.includes(value) ? value : undefined
}
