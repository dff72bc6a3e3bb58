// The demo's gateway and proxy: the real ones, put together as their commands do it, before the simulated Discord.

import type { Broker } from "../../brokers/broker.ts"
import type { Codec } from "../../codec/codec.ts"
import { readText } from "../../config/config-file.ts"
import { readGatewayConfig } from "../../config/read-gateway-config.ts"
import { readProxyConfig } from "../../config/read-proxy-config.ts"
import { systemClock } from "../../flow/clock.ts"
import { Gateway } from "../../gateway/gateway.ts"
import { memorySessionStore } from "../../gateway/sessions/memory-store.ts"
import { dialWebSocket } from "../../gateway/socket.ts"
import { GatewayMetrics } from "../../ops/gateway-metrics.ts"
import type { Logger } from "../../ops/log.ts"
import { Metrics } from "../../ops/metrics.ts"
import { MemoryLimiter } from "../../proxy/limits/memory/memory-limiter.ts"
import { ProxyMetrics } from "../../proxy/metrics.ts"
import { RestProxy } from "../../proxy/proxy.ts"

export const TOKEN = "demo-token"
export const EVENTS = [
  "GUILD_CREATE",
  "MESSAGE_CREATE",
  "MESSAGE_UPDATE",
  "MESSAGE_DELETE",
  "MESSAGE_REACTION_ADD",
  "INTERACTION_CREATE",
]
const INTENTS = ["GUILDS", "GUILD_MESSAGES", "GUILD_MESSAGE_REACTIONS", "MESSAGE_CONTENT"]

interface Common {
  /** `127.0.0.1:7040` */
  readonly discord: string
  readonly log: Logger
}

export function demoGateway({ discord, log, broker, codec }: Common & { broker: Broker; codec: Codec }): Gateway {
  const { config } = readGatewayConfig({
    file: null,
    env: {
      DISCORD_TOKEN: TOKEN,
      DISCORD_EVENTS: EVENTS.join(","),
      DISCORD_INTENTS: INTENTS.join(","),
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: discord,
    },
    isTerminal: true,
    readText: () => "",
  })
  return new Gateway({
    config,
    codec,
    broker,
    store: memorySessionStore(),
    metrics: new GatewayMetrics(new Metrics()),
    log,
    clock: systemClock,
    random: Math.random,
    soon: setImmediate,
    dial: dialWebSocket,
    fetch,
  })
}

/** It listens on any free port. The token is its own, so that the handler needs none. */
export function demoProxy({ discord, log }: Common): RestProxy {
  const { config } = readProxyConfig({
    file: null,
    env: {
      PROXY_ADDRESS: "127.0.0.1:0",
      DISCORD_TOKEN: TOKEN,
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: discord,
      SHUTDOWN_TIMEOUT: "1s",
    },
    readText,
    isTerminal: true,
  })
  const { queuePerBucket, queue, idleMs } = config.limits
  const bounds = { perBucket: queuePerBucket, total: queue, idleMs }
  return new RestProxy({
    config,
    limiter: new MemoryLimiter({ clock: systemClock, log, bounds }),
    broker: null,
    metrics: new ProxyMetrics(new Metrics()),
    log,
    clock: systemClock,
    random: Math.random,
    fetch,
  })
}
