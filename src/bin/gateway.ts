#!/usr/bin/env bun
// `spectacles gateway`: reads arguments, environment and signals, builds the parts, and hands over.

import { parseArgs } from "node:util"
import { amqpBroker } from "../brokers/amqp/broker.ts"
import type { Broker } from "../brokers/broker.ts"
import { stdioBroker } from "../brokers/stdio/broker.ts"
import { fileSink } from "../brokers/stdio/sink.ts"
import { loadCodec } from "../codec/load.ts"
import type { BrokerConfig, GatewayConfig, ShardStoreConfig } from "../config/gateway-config.ts"
import { loadGatewayConfig } from "../config/load-gateway-config.ts"
import { printConfig } from "../config/print-config.ts"
import { formatProblem } from "../config/problem.ts"
import { GATEWAY_GAP } from "../discord/events.ts"
import { systemClock } from "../flow/clock.ts"
import { Gateway } from "../gateway/gateway.ts"
import { fileSessionStore } from "../gateway/sessions/file-store.ts"
import { memorySessionStore } from "../gateway/sessions/memory-store.ts"
import type { SessionStore } from "../gateway/sessions/session.ts"
import { dialWebSocket } from "../gateway/socket.ts"
import { GatewayMetrics } from "../ops/gateway-metrics.ts"
import { type HealthServer, startHealthServer } from "../ops/health.ts"
import { createLogger, type Logger } from "../ops/log.ts"
import { Metrics } from "../ops/metrics.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { standardError } from "../ops/standard-error.ts"
import { type Command, EXIT_FAILED, EXIT_OK, runCommand, stopSignal, versionLine } from "./command.ts"

const STANDARD_OUTPUT = 1

const HELP = `Usage: spectacles gateway [options]

Holds a Discord bot's shards and publishes its events to a broker. Configured by gateway.toml in this folder and by
environment variables, which take precedence; docs/configuration.md lists both.

Options:
  --config FILE      another configuration file
  --check            check the configuration, print what would run, and exit
  --loglevel LEVEL   trace, debug, info, warn, error or fatal
  --version          the version, and which codec runs
  --help             this text

Example, one event a line on standard output:
  DISCORD_TOKEN="your token" DISCORD_EVENTS=MESSAGE_CREATE DISCORD_INTENTS=GUILDS,GUILD_MESSAGES spectacles gateway
`

export const gateway: Command = async (args) => {
  const options = readArguments(args)
  if (options.help === true) {
    process.stdout.write(HELP)
    return EXIT_OK
  }
  if (options.version === true) {
    process.stdout.write(`${versionLine()}\n`)
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
}

async function run(config: GatewayConfig, log: Logger): Promise<number> {
  const stop = stopSignal()
  const metrics = new Metrics()
  const gatewayMetrics = new GatewayMetrics(metrics)
  const service = new Gateway({
    config,
    codec: loadCodec(config.codec),
    broker: newBroker(config, gatewayMetrics, log),
    store: newStore(config.shardStore, log),
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
  const end = await service.run(stop)
  await health?.stop()
  if (end.type === "stopped") return EXIT_OK
  log.error({}, end.message)
  return EXIT_FAILED
}

function readArguments(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        config: { type: "string" },
        check: { type: "boolean" },
        loglevel: { type: "string" },
        version: { type: "boolean", short: "V" },
        help: { type: "boolean", short: "h" },
      },
    })
    return values
  } catch (error) {
    throw new OperatorError(`${error instanceof Error ? error.message : String(error)} See spectacles gateway --help.`)
  }
}

function newLogger({ log, token, broker }: GatewayConfig, write: (line: string) => void): Logger {
  const urls = broker.type === "redis" ? broker.redis.urls : broker.type === "amqp" ? broker.amqp.urls : []
  const passwords = urls.map((url) => passwordOf(url.reveal())).filter((password) => password !== "")
  return createLogger({
    level: log.level,
    format: log.format,
    colour: process.stderr.isTTY && process.env["NO_COLOR"] === undefined,
    secrets: [token.reveal(), ...passwords],
    write,
  })
}

function passwordOf(url: string): string {
  return URL.canParse(url) ? decodeURIComponent(new URL(url).password) : ""
}

function newBroker({ broker, events }: GatewayConfig, metrics: GatewayMetrics, logger: Logger): Broker {
  if (broker.type === "amqp") return newAmqpBroker(broker, events, metrics, logger)
  if (broker.type !== "stdio" || broker.format === "discordjs") {
    throw new OperatorError(
      `Cannot use broker.type "${broker.type}": this version has standard output only; leave it out.`,
    )
  }
  return stdioBroker({ output: fileSink(STANDARD_OUTPUT), input: Bun.stdin.stream(), body: broker.format, logger })
}

function newAmqpBroker(
  { amqp, group, format, messageTimeoutMs }: Extract<BrokerConfig, { readonly type: "amqp" }>,
  events: readonly string[],
  metrics: GatewayMetrics,
  logger: Logger,
): Broker {
  return amqpBroker({
    urls: amqp.urls.map((url) => url.reveal()),
    group,
    body: format === "msgpack" ? "msgpack" : "json",
    messageTimeoutMs,
    events: [...events, GATEWAY_GAP],
    logger,
    onState: (state) => metrics.brokerChanged(state),
  })
}

function newStore(store: ShardStoreConfig, log: Logger): SessionStore {
  if (store.type === "file") {
    const onUnreadable = (file: string, reason: string) => {
      log.warn({ file }, `a stored session cannot be used (${reason}): that shard identifies`)
    }
    return fileSessionStore({ folder: store.path, onUnreadable })
  }
  if (store.type !== "memory") {
    throw new OperatorError(`Cannot use shard_store.type "${store.type}": this version has "memory" and "file".`)
  }
  return memorySessionStore()
}

function startHealth(
  { prometheus }: GatewayConfig,
  service: Gateway,
  metrics: Metrics,
  logger: Logger,
): HealthServer | undefined {
  if (prometheus.address === undefined) return undefined
  try {
    return startHealthServer({
      ...prometheus.address,
      metricsPath: prometheus.endpoint,
      metrics,
      readiness: () => service.readiness,
      shards: () => service.shards,
      logger,
    })
  } catch (error) {
    throw new OperatorError(error instanceof Error ? error.message : String(error))
  }
}

if (import.meta.main) await runCommand(gateway, process.argv.slice(2))
