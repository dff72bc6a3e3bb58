#!/usr/bin/env bun
// `spectacles proxy`: reads arguments, environment and signals, builds the parts, and hands over.

import { amqpBroker } from "../brokers/amqp/broker.ts"
import type { Broker } from "../brokers/broker.ts"
import { redisBroker } from "../brokers/redis/broker.ts"
import { isCluster } from "../brokers/redis/mode.ts"
import { readConfigFile, readText } from "../config/config-file.ts"
import { settingsText } from "../config/describe-settings.ts"
import { printSettings } from "../config/print-config.ts"
import { formatProblem } from "../config/problem.ts"
import type { ProxyConfig } from "../config/proxy-config.ts"
import { PROXY_SETTINGS } from "../config/proxy-settings.ts"
import { PROXY_CONFIG_FILE, type ProxyConfigReading, readProxyConfig } from "../config/read-proxy-config.ts"
import { systemClock } from "../flow/clock.ts"
import { type HealthServer, startHealthServer } from "../ops/health.ts"
import type { Logger } from "../ops/log.ts"
import { Metrics } from "../ops/metrics.ts"
import { standardError } from "../ops/standard-error.ts"
import { MAX_WAIT_MS } from "../proxy/limits/holds.ts"
import type { Limiter } from "../proxy/limits/limiter.ts"
import { ProxyMetrics } from "../proxy/metrics.ts"
import { RestProxy } from "../proxy/proxy.ts"
import { command, EXIT_FAILED, EXIT_OK, runCommand, stopSignal } from "./command.ts"
import { stopOnDefect } from "./defects.ts"
import { newLimiter } from "./limiter.ts"
import { allowConnections } from "./more-connections.ts"
import { serviceLogger } from "./service.ts"
import { SERVICE_FLAGS } from "./service-flags.ts"

const LINE = {
  name: "proxy",
  about: `Passes requests on to Discord's REST API, each when its limits allow it. Configured by proxy.toml in this folder and by
environment variables, which take precedence; --settings lists both. Needs no setting at all.`,
  flags: SERVICE_FLAGS,
  examples: [
    { what: "for this machine alone", line: "PROXY_ADDRESS=127.0.0.1:8080 spectacles proxy" },
    { what: "from another terminal", line: "curl http://127.0.0.1:8080/api/v10/gateway" },
  ],
} as const

export const proxy = command(LINE, async ({ flags: options }) => {
  if (options.settings === true) {
    process.stdout.write(settingsText(PROXY_SETTINGS))
    return EXIT_OK
  }
  const reading = readProxyConfig({
    file: readConfigFile(options.config, PROXY_CONFIG_FILE),
    env: process.env,
    readText,
    isTerminal: process.stderr.isTTY,
    ...(options.loglevel === undefined ? {} : { logLevel: options.loglevel }),
  })
  if (options.check === true) {
    for (const warning of reading.warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`)
    process.stdout.write(printSettings(reading.settings.list(), { "log.format": reading.config.log.format }))
    return EXIT_OK
  }
  const connections = allowConnections(reading.config.connections)
  const error = standardError()
  const log = newLogger(reading.config, (line) => error.write(line))
  warn(reading, connections, log)
  try {
    return await run(reading.config, log)
  } finally {
    await error.flush()
  }
})

async function run(config: ProxyConfig, log: Logger): Promise<number> {
  const defect = stopOnDefect(log, config.shutdownTimeoutMs)
  const stop = AbortSignal.any([stopSignal(), defect])
  const metrics = new Metrics()
  const proxyMetrics = new ProxyMetrics(metrics)
  const limiter = await newLimiter(config.limits, log, stop)
  const broker = await newBroker(config, log, stop)
  // Told to stop while it looked for Redis.
  if (stop.aborted) {
    limiter.close()
    return defect.aborted ? EXIT_FAILED : EXIT_OK
  }
  const service = new RestProxy({
    config,
    limiter,
    broker,
    metrics: proxyMetrics,
    log,
    clock: systemClock,
    random: Math.random,
    fetch,
  })
  metrics.onScrape(() => proxyMetrics.read(limiter.reading, service.inFlight))
  const health = startHealth(config, service, limiter, metrics, log)
  try {
    await service.run(stop)
    return defect.aborted ? EXIT_FAILED : EXIT_OK
  } finally {
    await health?.stop()
  }
}

/** Longer than any request may take: a request that is in hand somewhere is not taken over. */
const CLAIM_MARGIN_MS = 60_000
/** Requests stay in their stream for so long, answered or not. */
const RETENTION_MS = 3_600_000
/** Dropped after this when no proxy runs: nobody waits so long for an answer. */
const MESSAGE_TIMEOUT_MS = 120_000

async function newBroker(config: ProxyConfig, logger: Logger, signal: AbortSignal): Promise<Broker | null> {
  const { broker, limits, timeoutMs = MAX_WAIT_MS } = config
  if (broker === null || signal.aborted) return null
  const location = { urls: [broker.url.reveal()], ...(broker.ca && { ca: broker.ca }) }
  switch (broker.type) {
    case "redis":
      return redisBroker({
        ...location,
        isCluster: await isCluster(location, { clock: systemClock, log: logger, random: Math.random, signal }),
        group: broker.group,
        body: "msgpack",
        trimming: { retentionMs: RETENTION_MS },
        poolSize: broker.poolSize,
        // They wait for their limits, and those of one must not keep the others from being read.
        maxUnacknowledged: limits.queue,
        logger,
        claimAfterMs: timeoutMs + CLAIM_MARGIN_MS,
      })
    case "amqp":
      return amqpBroker({
        ...location,
        group: broker.group,
        body: "msgpack",
        messageTimeoutMs: MESSAGE_TIMEOUT_MS,
        events: [],
        prefetch: limits.queue,
        logger,
      })
  }
}

function warn({ config, warnings }: ProxyConfigReading, connections: number, log: Logger): void {
  for (const warning of warnings) log.warn({}, formatProblem(warning))
  if (connections < config.connections) {
    log.warn({}, `${connections} requests can be in flight and not ${config.connections}: this system allows no more.`)
  }
}

function newLogger({ log, discord, broker, limits }: ProxyConfig, write: (line: string) => void): Logger {
  const tokens = discord.token === undefined ? [] : [discord.token.reveal()]
  const secrets = [
    ...(broker === null ? [] : [broker.url]),
    ...(limits.store.type === "redis" ? limits.store.urls : []),
  ]
  return serviceLogger({ ...log, write, tokens, urls: secrets.map((url) => url.reveal()) })
}

function startHealth(
  { metrics: { address, path } }: ProxyConfig,
  service: RestProxy,
  limiter: Limiter,
  metrics: Metrics,
  logger: Logger,
): HealthServer | undefined {
  if (address === undefined) return undefined
  return startHealthServer({
    ...address,
    metricsPath: path,
    metrics,
    readiness: () => service.readiness,
    statePath: "/limits",
    addressKey: "metrics.addr",
    shards: () => limiter.describe(),
    logger,
  })
}

if (import.meta.main) await runCommand(proxy, process.argv.slice(2))
