// What does an event cost a shard? A real socket from a simulator in another process, to a sink that only counts; beside
// it the socket alone, which receives the same frames and looks at none.

import type { Broker } from "../src/brokers/broker.ts"
import type { CodecChoice } from "../src/codec/codec.ts"
import { loadCodec } from "../src/codec/load.ts"
import { readGatewayConfig } from "../src/config/read-gateway-config.ts"
import { EVENT_INTENTS } from "../src/discord/events.ts"
import { type Compression, gatewayUrl } from "../src/discord/gateway-url.ts"
import { systemClock } from "../src/flow/clock.ts"
import { Gateway } from "../src/gateway/gateway.ts"
import { memorySessionStore } from "../src/gateway/sessions/memory-store.ts"
import { dialWebSocket } from "../src/gateway/socket.ts"
import { GatewayMetrics } from "../src/ops/gateway-metrics.ts"
import { silentLogger } from "../src/ops/log.ts"
import { Metrics } from "../src/ops/metrics.ts"
import { type Benchmark, type BenchmarkCase, measure, type Sample } from "./benchmark.ts"
import { startFeed } from "./feed/feed.ts"

const TOKEN = "benchmark"
const ALL_INTENTS = "53608447"
const WARM_UP_EVENTS = 20_000
const EVENTS = 200_000
const SMOKE_EVENTS = 500

export const benchmark: Benchmark = {
  question: "What does an event cost one shard, from the socket to a sink that counts, beside the socket alone?",
  cases: [
    receiveAlone("zstd"),
    shard("native", "zstd"),
    shard("portable", "zstd"),
    receiveAlone("zlib"),
    shard("native", "zlib"),
    shard("portable", "zlib"),
  ],
  ratios: [
    // 4 µs where the socket alone costs 0.6.
    { of: "native zstd", to: "receive zstd", atMost: 4 / 0.6 },
    { of: "native zstd", to: "portable zstd", atMost: 1 / 3 },
    { of: "native zlib", to: "portable zlib", atMost: 1 / 3 },
  ],
}

function shard(codec: Exclude<CodecChoice, "auto">, compression: Compression): BenchmarkCase {
  return {
    name: `${codec} ${compression}`,
    skipped: () => whyNot(codec),
    run: ({ smoke }) => runShard(codec, compression, smoke),
  }
}

async function runShard(codec: CodecChoice, compression: Compression, smoke: boolean): Promise<Sample> {
  const feed = await startFeed(1)
  const sink = countingSink()
  const { config } = readGatewayConfig({
    file: null,
    env: {
      DISCORD_TOKEN: TOKEN,
      DISCORD_EVENTS: Object.keys(EVENT_INTENTS).join(","),
      DISCORD_RAW_INTENTS: ALL_INTENTS,
      DISCORD_COMPRESSION: compression,
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: feed.host,
    },
    isTerminal: false,
    readText: () => "",
  })
  const gateway = new Gateway({
    config,
    codec: loadCodec(codec),
    broker: sink.broker,
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
  await sink.quiet()
  const sample = await measureBursts(feed.prepare, sink.counted, smoke)
  stop.abort()
  await ended
  await feed.stop()
  return sample
}

function receiveAlone(compression: Compression): BenchmarkCase {
  return { name: `receive ${compression}`, run: ({ smoke }) => runReceive(compression, smoke) }
}

async function runReceive(compression: Compression, smoke: boolean): Promise<Sample> {
  const feed = await startFeed(1)
  const counter = new Counter()
  const socket = dialWebSocket(gatewayUrl(feed.gatewayUrl, { version: 10, compression }), {
    opened() {
      const identify = { token: TOKEN, intents: Number(ALL_INTENTS), properties: {}, shard: [0, 1] }
      socket.send(JSON.stringify({ op: 2, d: identify }))
    },
    frame: () => counter.add(1),
    closed: () => {},
  })
  await counter.quiet()
  const sample = await measureBursts(feed.prepare, (events) => counter.more(events), smoke)
  socket.terminate()
  await feed.stop()
  return sample
}

async function measureBursts(
  prepare: (events: number) => Promise<() => void>,
  counted: (events: number) => Promise<void>,
  smoke: boolean,
): Promise<Sample> {
  const warmUp = await prepare(smoke ? SMOKE_EVENTS : WARM_UP_EVENTS)
  const warmed = counted(smoke ? SMOKE_EVENTS : WARM_UP_EVENTS)
  warmUp()
  await warmed
  const events = smoke ? SMOKE_EVENTS : EVENTS
  const send = await prepare(events)
  return measure(async () => {
    const all = counted(events)
    send()
    await all
    return events
  })
}

function countingSink(): {
  readonly broker: Broker
  readonly counted: (events: number) => Promise<void>
  readonly quiet: () => Promise<void>
} {
  const counter = new Counter()
  const broker: Broker = {
    encoding: { body: "msgpack", framing: { type: "bare" } },
    ended: new Promise(() => {}),
    publish({ count }) {
      counter.add(count)
      return Promise.resolve()
    },
    announce: () => Promise.resolve(),
    async *consume() {},
    call: () => Promise.reject(new Error("nothing answers here")),
    close: () => Promise.resolve(),
  }
  return { broker, counted: (events) => counter.more(events), quiet: () => counter.quiet() }
}

const QUIET_MS = 300

class Counter {
  #count = 0
  #target = Number.POSITIVE_INFINITY
  #reached = () => {}

  add(events: number): void {
    this.#count += events
    if (this.#count >= this.#target) this.#reached()
  }

  /** Resolves when that many more were counted. */
  more(events: number): Promise<void> {
    this.#target = this.#count + events
    return new Promise((resolve) => {
      this.#reached = resolve
    })
  }

  /** Resolves when something was counted and nothing more came for a while: READY and the guilds are through. */
  async quiet(): Promise<void> {
    for (let before = 0; before === 0 || before !== this.#count; ) {
      before = this.#count
      await Bun.sleep(QUIET_MS)
    }
  }
}

function whyNot(codec: CodecChoice): string | undefined {
  try {
    loadCodec(codec)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
