// The gateway of a benchmark, in this process, in front of a broker whose confirms are counted.

import type { Broker } from "../../src/brokers/broker.ts"
import type { CodecChoice } from "../../src/codec/codec.ts"
import type { Encoding } from "../../src/codec/encoding.ts"
import { loadCodec } from "../../src/codec/load.ts"
import { readGatewayConfig } from "../../src/config/read-gateway-config.ts"
import { EVENT_INTENTS } from "../../src/discord/events.ts"
import type { Compression } from "../../src/discord/gateway-url.ts"
import { systemClock } from "../../src/flow/clock.ts"
import { Gateway } from "../../src/gateway/gateway.ts"
import { memorySessionStore } from "../../src/gateway/sessions/memory-store.ts"
import { dialWebSocket } from "../../src/gateway/socket.ts"
import { GatewayMetrics } from "../../src/ops/gateway-metrics.ts"
import { silentLogger } from "../../src/ops/log.ts"
import { Metrics } from "../../src/ops/metrics.ts"
import { Counter } from "./counter.ts"

export const TOKEN = "benchmark"
export const ALL_INTENTS = "53608447"
export const ALL_EVENTS: readonly string[] = Object.keys(EVENT_INTENTS)

export interface RunningGateway {
  /** Resolves when the broker has confirmed that many events more; `progress` is told how many it is so far. */
  readonly more: (events: number, progress?: (confirmed: number) => void) => Promise<void>
  stop(): Promise<void>
}

/** Resolves once READY and the guilds are through. */
export async function startGateway(options: {
  readonly host: string
  readonly broker: Broker
  readonly codec?: CodecChoice
  readonly compression?: Compression
  /** As many as Discord recommends, if not given. */
  readonly shards?: { readonly ids: readonly number[]; readonly count: number }
}): Promise<RunningGateway> {
  const { host, broker, codec = "auto", compression, shards } = options
  const { config } = readGatewayConfig({
    file: null,
    env: {
      DISCORD_TOKEN: TOKEN,
      DISCORD_EVENTS: ALL_EVENTS.join(","),
      DISCORD_RAW_INTENTS: ALL_INTENTS,
      DISCORD_COMPRESSION: compression,
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: host,
      ...(shards === undefined
        ? {}
        : { DISCORD_SHARD_COUNT: String(shards.count), DISCORD_SHARD_IDS: shards.ids.join(",") }),
    },
    isTerminal: false,
    readText: () => "",
  })
  const confirmed = new Counter()
  const gateway = new Gateway({
    config,
    codec: loadCodec(codec),
    broker: counted(broker, confirmed),
    store: memorySessionStore(),
    metrics: new GatewayMetrics(new Metrics()),
    log: silentLogger,
    clock: systemClock,
    random: Math.random,
    soon: setImmediate,
    dial: dialWebSocket,
    fetch,
  })
  const stop = new AbortController()
  const ended = gateway.run(stop.signal)
  await confirmed.quiet()
  return {
    more: (events, progress) => confirmed.more(events, progress),
    async stop() {
      stop.abort()
      await ended
    },
  }
}

/** Confirms everything at once and does nothing with it. */
export function sink(encoding: Encoding): Broker {
  return {
    encoding,
    ended: new Promise(() => {}),
    publish: () => Promise.resolve(),
    announce: () => Promise.resolve(),
    async *consume() {},
    call: () => Promise.reject(new Error("nothing answers here")),
    close: () => Promise.resolve(),
  }
}

/** The same broker, its confirms counted. */
function counted(broker: Broker, confirmed: Counter): Broker {
  return {
    ...{ encoding: broker.encoding, ended: broker.ended },
    async publish(batch) {
      await broker.publish(batch)
      confirmed.add(batch.count)
    },
    announce: (event, data) => broker.announce(event, data),
    consume: (events, signal) => broker.consume(events, signal),
    call: (event, data, options) => broker.call(event, data, options),
    close: (options) => broker.close(options),
  }
}
