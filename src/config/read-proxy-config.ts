// From proxy.toml and the environment to one frozen value, or to every problem that they have. Pure: text in, value out.

import { authorityOf } from "./authority.ts"
import { ConfigError, type Problem, Report } from "./problem.ts"
import type { LimitStoreConfig, ProxyBrokerConfig, ProxyConfig } from "./proxy-config.ts"
import { PROXY_SETTINGS, type ProxySettings } from "./proxy-settings.ts"
import { readSettings } from "./read-settings.ts"
import type { ReadText } from "./read-text.ts"
import { Secret } from "./secret.ts"
import type { Environment } from "./settings.ts"
import { readToml, type TomlSource } from "./toml-file.ts"

/** Read when `--config` is not given; it need not exist. */
export const PROXY_CONFIG_FILE = "proxy.toml"

export interface ProxyConfigSources {
  /** The configuration file; null when there is none. */
  readonly file: TomlSource | null
  readonly env: Environment
  /** For the files that settings name. */
  readonly readText: ReadText
  /** What `--loglevel` says. */
  readonly logLevel?: string
  /** Whether logs go to a terminal, which decides the default of log.format. */
  readonly isTerminal: boolean
}

export interface ProxyConfigReading {
  readonly config: ProxyConfig
  /** What is odd but no reason to stop. */
  readonly warnings: readonly Problem[]
  /** The same values by their keys in the file, with their origins: what `--check` prints. */
  readonly settings: ProxySettings
}

/** @throws ConfigError with every problem at once. */
export function readProxyConfig(sources: ProxyConfigSources): ProxyConfigReading {
  const report = new Report()
  const file = sources.file === null ? undefined : readToml(sources.file, report)
  const flags = sources.logLevel === undefined ? {} : { "log.level": { flag: "--loglevel", value: sources.logLevel } }
  const settings = readSettings(PROXY_SETTINGS, { file, env: sources.env, flags }, report)
  // Without the file's values, whatever is missing may well be in it.
  if (sources.file !== null && file === undefined) throw new ConfigError(report.problems)
  const config = assemble(settings, sources, report)
  if (report.problems.length > 0) throw new ConfigError(report.problems)
  return { config: frozen(config), warnings: report.warnings, settings }
}

function assemble(settings: ProxySettings, { isTerminal, readText }: ProxyConfigSources, report: Report): ProxyConfig {
  const { values } = settings
  const redisCa = authorityOf("redis.ca_file", settings, readText, report)
  const amqpCa = authorityOf("amqp.ca_file", settings, readText, report)
  const token = values["discord.token"]
  const address = values["metrics.addr"]
  return {
    ...(values.timeout !== undefined && { timeoutMs: values.timeout }),
    shutdownTimeoutMs: values.shutdown_timeout,
    coalesce: values.coalesce,
    http: values["http.address"],
    discord: {
      ...(token && { token }),
      scheme: values["discord.scheme"],
      host: values["discord.host"],
      apiVersion: values["discord.api_version"],
    },
    connections: values["discord.connections"],
    limits: {
      globalPerSecond: values["limits.global"],
      botsPerSecond: values["limits.bots"] ?? new Map(),
      queuePerBucket: values["limits.queue_per_bucket"],
      queue: values["limits.queue"],
      idleMs: values["limits.idle"],
      store: storeOf(settings, redisCa, report),
    },
    broker: brokerOf(settings, redisCa, amqpCa, report),
    metrics: { ...(address && { address }), path: values["metrics.path"] },
    log: { level: values["log.level"], format: values["log.format"] ?? (isTerminal ? "pretty" : "json") },
  }
}

/** Where requests come over Redis, several proxies may take them, so limits are shared there unless told otherwise. */
function storeOf(settings: ProxySettings, ca: string | undefined, report: Report): LimitStoreConfig {
  const {
    "limits.store": store,
    "limits.redis_urls": own,
    "redis.url": url,
    "limits.address": address,
  } = settings.values
  const urls = own ?? (url === undefined ? [] : [url])
  if (store === "memory" || (store === undefined && urls.length === 0)) return { type: "memory" }
  if (urls.length === 0 && !settings.isRejected("limits.redis_urls") && !settings.isRejected("redis.url")) {
    report.problem(
      settings.place("limits.store"),
      'limits.store is "redis", which needs limits.redis_urls or redis.url, such as "redis://localhost:6379".',
    )
  }
  return { type: "redis", urls, address, ...(ca && { ca }) }
}

/** Null: no URL of a broker is set, and the HTTP door alone runs. */
function brokerOf(
  settings: ProxySettings,
  redisCa: string | undefined,
  amqpCa: string | undefined,
  report: Report,
): ProxyBrokerConfig | null {
  const { "redis.url": redis, "amqp.url": amqp } = settings.values
  const common = { group: settings.values["broker.group"], event: settings.values["broker.event"] }
  if (redis !== undefined && amqp !== undefined) {
    report.problem(settings.place("amqp.url"), "amqp.url and redis.url are both set: requests come over one of them.")
  }
  if (redis !== undefined) {
    const poolSize = settings.values["redis.pool_size"]
    return { ...common, type: "redis", url: redis, poolSize, ...(redisCa && { ca: redisCa }) }
  }
  return amqp === undefined ? null : { ...common, type: "amqp", url: amqp, ...(amqpCa && { ca: amqpCa }) }
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Secret || value instanceof Map) return value
  for (const inner of Object.values(value)) frozen(inner)
  return Object.freeze(value)
}
