// Every setting of the proxy: its key in proxy.toml, its environment variables, its rule, its default, and what it is.
// `bun run docs` writes the table of docs/proxy.md from it.

import { botToken } from "./discord-values.ts"
import { formatDuration } from "./duration.ts"
import { LOG_LEVELS } from "./gateway-config.ts"
import { GATEWAY_SETTINGS } from "./gateway-settings.ts"
import { formatListenAddress, parseListenAddress } from "./listen-address.ts"
import { redisUrl, redisUrls } from "./redis-url.ts"
import { optional, type Settings, setting } from "./settings.ts"
import { isTable } from "./toml-file.ts"
import { choice, commaSeparated, duration, integer, parsed, serviceUrl, text } from "./values.ts"

const MAX_API_VERSION = 99
const MAX_PER_SECOND = 10_000
const MAX_CONNECTIONS = 60_000
const MAX_QUEUE = 1_000_000
const MAX_POOL_SIZE = 1_000
const EVENT_NAME = /^\w{1,64}$/
const ADDRESS_NAME = /^[\w.:-]{1,64}$/

const ADDRESS_RULE = 'write where to listen, such as ":8080", "127.0.0.1:8080" or "[::1]:8080".'

export const PROXY_SETTINGS = {
  timeout: optional({
    about:
      "How long a request may take, its wait included, where it does not say so itself. Without it, up to 15 minutes.",
    variables: ["TIMEOUT"],
    schema: duration(),
    print: printDuration,
  }),
  shutdown_timeout: setting({
    isOwn: true,
    about: "How long the proxy may take to stop after SIGTERM or SIGINT.",
    variables: ["SHUTDOWN_TIMEOUT"],
    schema: duration(),
    fallback: "10s",
    print: formatDuration,
  }),
  coalesce: setting({
    isOwn: true,
    about: "Equal GETs of one token that are in flight together become one.",
    variables: ["PROXY_COALESCE"],
    schema: parsed("write true or false.", truth),
    fallback: false,
  }),
  "http.address": setting({
    isOwn: true,
    about: "Where to listen for HTTP.",
    variables: ["PROXY_ADDRESS"],
    schema: parsed(ADDRESS_RULE, listenAddress),
    fallback: "127.0.0.1:8080",
    print: formatListenAddress,
  }),
  "discord.token": optional({
    isOwn: true,
    about: "Used for requests that carry no `Authorization`. Whoever reaches the proxy can then use it.",
    variables: ["DISCORD_TOKEN"],
    schema: botToken(),
    print: String,
  }),
  "discord.api_version": setting({
    about: "For paths that name no version.",
    variables: ["DISCORD_API_VERSION"],
    schema: integer(1, MAX_API_VERSION),
    fallback: 10,
  }),
  "discord.scheme": { ...GATEWAY_SETTINGS["api.scheme"], isOwn: true },
  "discord.host": {
    ...GATEWAY_SETTINGS["api.host"],
    isOwn: true,
    about: "A host, with a port if need be. Nothing else is ever connected to.",
  },
  "discord.connections": setting({
    isOwn: true,
    about: "Connections to Discord at most.",
    variables: ["PROXY_CONNECTIONS"],
    schema: integer(1, MAX_CONNECTIONS),
    fallback: 2_048,
  }),
  "limits.global": setting({
    isOwn: true,
    about: "Requests a second of a token. Learned downwards when Discord says so.",
    variables: ["PROXY_GLOBAL_LIMIT"],
    schema: integer(1, MAX_PER_SECOND),
    fallback: 50,
  }),
  "limits.bots": optional({
    isOwn: true,
    about: 'The same for single bots: `{ "81384788765712384" = 500 }`, or `81384788765712384=500` in the variable.',

    variables: ["PROXY_BOT_LIMITS"],
    schema: parsed(
      'write limits by bot id, such as { "81384788765712384" = 500 } or 81384788765712384=500.',
      botLimits,
    ),
    print: (limits) => Object.fromEntries(limits ?? []),
  }),
  "limits.queue_per_bucket": setting({
    isOwn: true,
    about: "Requests that may wait for one bucket.",
    variables: ["PROXY_QUEUE_PER_BUCKET"],
    schema: integer(1, MAX_QUEUE),
    fallback: 1_000,
  }),
  "limits.queue": setting({
    isOwn: true,
    about: "Requests that may wait in all.",
    variables: ["PROXY_QUEUE"],
    schema: integer(1, MAX_QUEUE),
    fallback: 20_000,
  }),
  "limits.idle": setting({
    isOwn: true,
    about: "A bucket without a request for this long is forgotten.",
    variables: ["PROXY_IDLE"],
    schema: duration(),
    fallback: "5m",
    print: formatDuration,
  }),
  "limits.store": optional({
    isOwn: true,
    otherwise: "by URL",
    about:
      "Who keeps the limits: `memory`, this process alone, or `redis`, for all proxies that share it. `redis` where one of the next two URLs is set.",
    variables: ["PROXY_LIMITS_STORE"],
    schema: choice(["memory", "redis"]),
  }),
  "limits.redis_urls": optional({
    isOwn: true,
    about:
      "The Redis of the limits: one URL, several of a cluster's servers, or one of sentinels, as the gateway's `redis.urls`. Without it, `redis.url`.",
    variables: ["PROXY_LIMITS_REDIS_URL"],
    schema: redisUrls(),
    print: (urls) => urls?.map(String),
  }),
  "limits.address": setting({
    isOwn: true,
    about:
      "A name for the IP address that requests go out from. Proxies with the same name share what Discord counts by address: invalid requests and bans.",
    variables: ["PROXY_LIMITS_ADDRESS"],
    schema: parsed('write a name of letters, digits, ".", ":", "_" or "-", such as the address itself.', (value) =>
      typeof value === "string" && ADDRESS_NAME.test(value.trim()) ? value.trim() : undefined,
    ),
    fallback: "default",
  }),
  "broker.group": setting({
    about: "The consumer group, or the exchange on AMQP.",
    variables: ["BROKER_GROUP"],
    schema: text("write a name."),
    fallback: "proxy",
  }),
  "broker.event": setting({
    about: "The event that requests come as.",
    variables: ["BROKER_EVENT"],
    schema: parsed('write a name of letters, digits and "_", such as "REQUEST".', (value) =>
      typeof value === "string" && EVENT_NAME.test(value.trim()) ? value.trim() : undefined,
    ),
    fallback: "REQUEST",
  }),
  "redis.url": optional({
    about:
      "Requests also come over this Redis: a server, one of a cluster's, or sentinels, written as for the gateway.",
    variables: ["REDIS_URL"],
    schema: redisUrl(),
    print: String,
  }),
  "redis.ca_file": {
    ...GATEWAY_SETTINGS["redis.ca_file"],
    about:
      "The certificate, in PEM, of the authority that has signed those of the servers, for `rediss://`, the limits' too. Without it, the system's authorities are trusted.",
  },
  "redis.pool_size": setting({
    about: "How many connections to keep.",
    variables: ["REDIS_POOL_SIZE"],
    schema: integer(1, MAX_POOL_SIZE),
    fallback: 32,
  }),
  "amqp.url": optional({
    isOwn: true,
    about: "Requests also come over this AMQP server. Not beside `redis.url`.",
    variables: ["AMQP_URL"],
    schema: serviceUrl(["amqp", "amqps"], "amqp://localhost:5672"),
    print: String,
  }),
  "amqp.ca_file": GATEWAY_SETTINGS["amqp.ca_file"],
  "metrics.addr": optional({
    about: "Where to serve metrics, `/healthz`, `/readyz` and `/limits`. Without it, nothing is served.",
    variables: ["METRICS_ADDR"],
    schema: parsed(ADDRESS_RULE, listenAddress),
    print: (address) => (address === undefined ? undefined : formatListenAddress(address)),
  }),
  "metrics.path": setting({
    about: "The path of the metrics.",
    variables: ["METRICS_PATH"],
    schema: parsed('write a path such as "/metrics", other than /healthz, /readyz and /limits.', metricsPath),
    fallback: "/metrics",
  }),
  "log.level": setting({
    isOwn: true,
    about: "`trace`, `debug`, `info`, `warn` (or `warning`), `error`, `fatal`. The flag `--loglevel` wins over it.",
    variables: ["LOG_LEVEL"],
    schema: choice(LOG_LEVELS, { warning: "warn" }),
    fallback: "info",
  }),
  "log.format": optional({
    isOwn: true,
    otherwise: "by terminal",
    about: "`pretty` on a terminal, else `json`.",
    variables: ["LOG_FORMAT"],
    schema: choice(["pretty", "json"]),
  }),
} as const

export type ProxySettings = Settings<typeof PROXY_SETTINGS>

function printDuration(durationMs: number | undefined): string | undefined {
  return durationMs === undefined ? undefined : formatDuration(durationMs)
}

function truth(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value
  if (typeof value !== "string") return undefined
  return { true: true, "1": true, false: false, "0": false }[value.trim().toLowerCase()]
}

function listenAddress(value: unknown) {
  return typeof value === "string" || typeof value === "number" ? parseListenAddress(String(value)) : undefined
}

/** Paths that the health server answers by itself. */
const TAKEN_PATHS = ["/healthz", "/readyz", "/limits"]

function metricsPath(value: unknown): string | undefined {
  return typeof value === "string" && /^\/[^\s?#]*$/.test(value) && !TAKEN_PATHS.includes(value) ? value : undefined
}

function botLimits(value: unknown): ReadonlyMap<string, number> | undefined {
  const rate = integer(1, MAX_PER_SECOND)
  const entries: readonly (readonly [string, unknown])[] | undefined =
    typeof value === "string"
      ? commaSeparated(value).map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)])
      : isTable(value)
        ? Object.entries(value)
        : undefined
  const limits = new Map<string, number>()
  for (const [id, given] of entries ?? []) {
    const { data } = rate.safeParse(given)
    if (!/^\d{1,20}$/.test(id.trim()) || data === undefined) return undefined
    limits.set(id.trim(), data)
  }
  return entries === undefined ? undefined : limits
}
