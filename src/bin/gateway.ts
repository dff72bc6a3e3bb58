#!/usr/bin/env bun
// `spectacles gateway`: reads arguments, environment and signals, builds the parts, and hands over.

import { loadCodec } from "../codec/load.ts"
import { settingsText } from "../config/describe-settings.ts"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { GATEWAY_SETTINGS } from "../config/gateway-settings.ts"
import { loadGatewayConfig } from "../config/load-gateway-config.ts"
import { printConfig } from "../config/print-config.ts"
import { formatProblem } from "../config/problem.ts"
import { systemClock } from "../flow/clock.ts"
import { Gateway } from "../gateway/gateway.ts"
import { dialWebSocket } from "../gateway/socket.ts"
import { startAdminServer } from "../gateway/steering/http/server.ts"
import { GatewayMetrics } from "../ops/gateway-metrics.ts"
import { type HealthServer, startHealthServer } from "../ops/health.ts"
import type { Logger } from "../ops/log.ts"
import { Metrics } from "../ops/metrics.ts"
import { standardError } from "../ops/standard-error.ts"
import { newAdapters } from "./adapters.ts"
import { command, EXIT_FAILED, EXIT_OK, runCommand, stopSignal } from "./command.ts"
import { stopOnDefect } from "./defects.ts"
import { nodeName } from "./node-name.ts"
import { serviceLogger } from "./service.ts"
import { SERVICE_FLAGS } from "./service-flags.ts"

const LINE = {
  name: "gateway",
  about: `Holds a Discord bot's shards and publishes its events to a broker. Configured by gateway.toml in this folder and by
environment variables, which take precedence; --settings lists both.`,
  flags: SERVICE_FLAGS,
  examples: [
    {
      what: "one event a line on standard output",
      line: 'DISCORD_TOKEN="your token" DISCORD_EVENTS=MESSAGE_CREATE DISCORD_INTENTS=GUILDS,GUILD_MESSAGES spectacles gateway',
    },
    { what: "what the configuration comes to, with the token hidden", line: "spectacles gateway --check" },
  ],
} as const

export const gateway = command(LINE, async ({ flags: options }) => {
  if (options.settings === true) {
    process.stdout.write(settingsText(GATEWAY_SETTINGS))
    return EXIT_OK
  }
  const reading = loadGatewayConfig({
    env: process.env,
    isTerminal: process.stderr.isTTY,
    ...(options.config === undefined ? {} : { configFile: options.config }),
    ...(options.loglevel === undefined ? {} : { logLevel: options.loglevel }),
  })
  if (options.check === true) {
    for (const warning of reading.warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`)
    process.stdout.write(printConfig(reading))
    return EXIT_OK
  }
  const error = standardError()
  const log = newLogger(reading.config, (line) => error.write(line))
  for (const warning of reading.warnings) log.warn({}, formatProblem(warning))
  try {
    return await run(reading.config, log)
  } finally {
    await error.flush()
  }
})

async function run(config: GatewayConfig, log: Logger): Promise<number> {
  const defect = stopOnDefect(log, config.shutdownTimeoutMs)
  const stop = AbortSignal.any([stopSignal(), defect])
  const metrics = new Metrics()
  const gatewayMetrics = new GatewayMetrics(metrics)
  const node = nodeName()
  const { coordination, ...adapters } = await newAdapters(config, node, gatewayMetrics, log, stop)
  const service = new Gateway({
    config,
    node,
    codec: loadCodec(config.codec),
    ...adapters,
    identifyQueue: coordination.identifyQueue,
    metrics: gatewayMetrics,
    log,
    clock: systemClock,
    random: Math.random,
    soon: setImmediate,
    dial: dialWebSocket,
    fetch,
  })
  metrics.onScrape(() => {
    const reading = service.reading
    if (reading !== null) gatewayMetrics.read(reading)
  })
  const health = startHealth(config, service, metrics, log)
  const presented = coordination.present(service.steered)
  const admin = config.admin && startAdminServer({ ...config.admin, steering: presented.steering, log })
  const end = await service.run(stop)
  await Promise.all([health?.stop(), admin?.stop(), presented.close()])
  if (end.type === "stopped") return defect.aborted ? EXIT_FAILED : EXIT_OK
  log.error({}, end.message)
  return EXIT_FAILED
}

function newLogger(
  { log, token, broker, shardStore, identifyQueue, admin }: GatewayConfig,
  write: (line: string) => void,
): Logger {
  const brokerUrls = broker.type === "redis" ? broker.redis.urls : broker.type === "amqp" ? broker.amqp.urls : []
  const storeUrls = shardStore.type === "redis" ? shardStore.redis.urls : []
  const queueUrls = identifyQueue.type === "redis" ? identifyQueue.redis.urls : []
  const urls = [...brokerUrls, ...storeUrls, ...queueUrls].map((url) => url.reveal())
  return serviceLogger({ ...log, write, tokens: [token.reveal(), admin?.token.reveal() ?? ""], urls })
}

function startHealth(
  { prometheus }: GatewayConfig,
  service: Gateway,
  metrics: Metrics,
  logger: Logger,
): HealthServer | undefined {
  if (prometheus.address === undefined) return undefined
  return startHealthServer({
    ...prometheus.address,
    metricsPath: prometheus.endpoint,
    metrics,
    readiness: () => service.readiness,
    shards: () => service.shards,
    logger,
  })
}

if (import.meta.main) await runCommand(gateway, process.argv.slice(2))
