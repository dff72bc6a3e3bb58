// From gateway.toml and the environment to one frozen value, or to every problem that they have. Pure: text in, value out.

import type { GatewayConfig } from "./gateway-config.ts"
import { eventsOf, intentsOf } from "./gateway-events.ts"
import { adminOf, brokerOf, identifyQueueOf, shardStoreOf } from "./gateway-services.ts"
import { GATEWAY_SETTINGS, type GatewaySettings } from "./gateway-settings.ts"
import { shardsOf } from "./gateway-shards.ts"
import { tokenOf } from "./gateway-token.ts"
import { ConfigError, type Problem, Report } from "./problem.ts"
import { readSettings } from "./read-settings.ts"
import type { ReadText } from "./read-text.ts"
import { Secret } from "./secret.ts"
import type { Environment } from "./settings.ts"
import { readToml, type TomlSource } from "./toml-file.ts"

const DOCUMENTED_VERSION = 10

export interface GatewayConfigSources {
  /** The configuration file; null when there is none. */
  readonly file: TomlSource | null
  readonly env: Environment
  /** What `--loglevel` says. */
  readonly logLevel?: string
  /** Whether logs go to a terminal, which decides the default of log.format. */
  readonly isTerminal: boolean
  /** Reads a file that a setting names. */
  readonly readText: ReadText
}

export interface GatewayConfigReading {
  readonly config: GatewayConfig
  /** What is odd but no reason to stop. */
  readonly warnings: readonly Problem[]
  /** The same values by their keys in the file, with their origins: what `printConfig` prints. */
  readonly settings: GatewaySettings
}

/** @throws ConfigError with every problem at once. */
export function readGatewayConfig(sources: GatewayConfigSources): GatewayConfigReading {
  const report = new Report()
  const file = sources.file === null ? undefined : readToml(sources.file, report)
  const flags = sources.logLevel === undefined ? {} : { "log.level": { flag: "--loglevel", value: sources.logLevel } }
  const settings = readSettings(GATEWAY_SETTINGS, { file, env: sources.env, flags }, report)
  // Without the file's values, whatever is missing may well be in it.
  if (sources.file !== null && file === undefined) throw new ConfigError(report.problems)
  const config = assemble(settings, sources, report)
  if (config === undefined || report.problems.length > 0) throw new ConfigError(report.problems)
  return { config: frozen(config), warnings: report.warnings, settings }
}

function assemble(
  settings: GatewaySettings,
  { isTerminal, readText }: GatewayConfigSources,
  report: Report,
): GatewayConfig | undefined {
  const { values } = settings
  const token = tokenOf(settings, readText, report)
  const intents = intentsOf(settings, report)
  const events = eventsOf(settings, intents, report)
  const shards = shardsOf(settings, report)
  const broker = brokerOf(settings, readText, report)
  const shardStore = shardStoreOf(settings, readText, report)
  const identifyQueue = identifyQueueOf(settings, readText, report)
  const admin = adminOf(settings, report)
  for (const key of ["gateway_version", "api.version"] as const) {
    if (values[key] === DOCUMENTED_VERSION) continue
    report.warn(
      settings.place(key),
      `${key} is ${values[key]}, but this program follows version ${DOCUMENTED_VERSION}.`,
    )
  }
  if (!token || intents === undefined || !events || !broker || !shardStore || !identifyQueue) return undefined
  const address = values["prometheus.address"]
  return {
    token,
    events,
    intents,
    gatewayVersion: values.gateway_version,
    shards,
    ...(values.presence && { presence: values.presence }),
    api: { scheme: values["api.scheme"], host: values["api.host"], version: values["api.version"] },
    broker,
    prometheus: { ...(address && { address }), endpoint: values["prometheus.endpoint"] },
    shardStore,
    compression: values.compression,
    codec: values.codec,
    identifyReserve: values["identify.reserve"],
    identifyQueue,
    ...(admin && { admin }),
    shutdownTimeoutMs: values.shutdown_timeout,
    log: { level: values["log.level"], format: values["log.format"] ?? (isTerminal ? "pretty" : "json") },
  }
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Secret) return value
  for (const inner of Object.values(value)) frozen(inner)
  return Object.freeze(value)
}
