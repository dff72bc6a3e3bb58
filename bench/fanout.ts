// How fast do events get from Discord to Redis, and what does that cost? A simulator in another process, the gateway, a real
// Redis; beside it what Redis takes from a bare client, the gateway with a sink that only counts, and what a user would
// write today (bench/peers). Long because each of these is a few lines that only make sense beside the others.

import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Broker } from "../src/brokers/broker.ts"
import { parseRedisUrl } from "../src/brokers/redis/address.ts"
import { redisBroker } from "../src/brokers/redis/broker.ts"
import { connectToRedis } from "../src/brokers/redis/connection.ts"
import { RECORD_INTS } from "../src/codec/batch.ts"
import { DEFAULT_DECODER_LIMITS } from "../src/codec/decoder.ts"
import type { Encoding } from "../src/codec/encoding.ts"
import { loadCodec } from "../src/codec/load.ts"
import { readGatewayConfig } from "../src/config/read-gateway-config.ts"
import { EVENT_INTENTS } from "../src/discord/events.ts"
import { systemClock } from "../src/flow/clock.ts"
import { Gateway } from "../src/gateway/gateway.ts"
import { memorySessionStore } from "../src/gateway/sessions/memory-store.ts"
import { dialWebSocket } from "../src/gateway/socket.ts"
import { GatewayMetrics } from "../src/ops/gateway-metrics.ts"
import { silentLogger } from "../src/ops/log.ts"
import { Metrics } from "../src/ops/metrics.ts"
import { corpus } from "../src/simulator/corpus/corpus.ts"
import { startRedisServer } from "../test/fixtures/redis-server.ts"
import { type Benchmark, type BenchmarkCase, measure, type Sample } from "./benchmark.ts"
import { startFeed } from "./feed/feed.ts"
import { startLineProcess } from "./feed/line-process.ts"

const PEERS = join(import.meta.dir, "peers")
const RETENTION_MS = 3_600_000
const ENCODING: Encoding = { body: "msgpack", framing: { type: "redis", retentionMs: RETENTION_MS } }
/** What a shard takes at once without holding its connection: its window and its backlog. */
const BURST_EVENTS = 16_000
const BURSTS = 10
const WINDOW_EVENTS = 8_192
const BATCH_EVENTS = 64
const SMOKE_EVENTS = 500
const QUIET_MS = 300
const PACE = { rate: 2_000, events: 20_000, smokeEvents: 200 } as const

const needsRedis: Pick<BenchmarkCase, "skipped"> = {
  skipped: () => (Bun.which("redis-server") === null ? "Redis is not installed" : undefined),
}
const needsPeers: Pick<BenchmarkCase, "skipped"> = {
  skipped: () =>
    existsSync(join(PEERS, "node_modules")) ? undefined : "run `npm_config_nodedir=/usr npm install` in bench/peers",
}

export const benchmark: Benchmark = {
  question: "How fast do events get from Discord to Redis, and what does each cost the gateway?",
  cases: [
    { ...needsRedis, name: "bare client", run: ({ smoke }) => runBareClient(smoke) },
    { ...needsRedis, name: "one shard", run: ({ smoke }) => runGateway(1, smoke) },
    { ...needsRedis, name: "eight shards", run: ({ smoke }) => runGateway(8, smoke) },
    { name: "one shard, counting sink", run: ({ smoke }) => runGateway(1, smoke, "sink") },
    { ...needsPeers, name: "discord.js, one shard", run: ({ smoke }) => runPeer(1, smoke) },
    { ...needsPeers, name: "discord.js, eight shards", run: ({ smoke }) => runPeer(8, smoke) },
    { ...needsRedis, name: "one shard at 2,000/s", run: ({ smoke }) => runPaced(smoke) },
    { ...needsPeers, name: "discord.js at 2,000/s", run: ({ smoke }) => runPacedPeer(smoke) },
  ],
  ratios: [
    { of: "one shard", to: "bare client", rateAtLeast: 0.85 },
    { of: "one shard", to: "one shard, counting sink", atMost: 1.5 },
    { of: "one shard", to: "discord.js, one shard", atMost: 1 / 5 },
  ],
}

/** The server's own limit: the same events, encoded beforehand, through one bare pipelined connection. */
async function runBareClient(smoke: boolean): Promise<Sample> {
  const server = await startRedisServer()
  const batches = encodedBatches(smoke ? SMOKE_EVENTS : BURST_EVENTS)
  const ready = Promise.withResolvers<void>()
  let onReply = () => {}
  const connection = connectToRedis(parseRedisUrl(server.url), {
    ready: () => ready.resolve(),
    reply: () => onReply(),
    error: (text) => ready.reject(new Error(text)),
    refused: (text) => ready.reject(new Error(text)),
    closed: () => {},
  })
  await ready.promise
  const burst = (events: number) =>
    new Promise<number>((resolve) => {
      let sent = 0
      let confirmed = 0
      let next = 0
      const fill = () => {
        for (; sent < events && sent - confirmed < WINDOW_EVENTS; next += 1) {
          const batch = batches[next % batches.length]
          if (batch === undefined) return
          connection.write(batch.bytes)
          sent += batch.count
        }
      }
      onReply = () => {
        confirmed += 1
        if (confirmed === sent && sent >= events) resolve(sent)
        else if (confirmed % BATCH_EVENTS === 0) fill()
      }
      fill()
    })
  const sample = await measureBursts(smoke, async (events) => () => burst(events))
  connection.close("measured")
  await server.stop()
  return sample
}

function encodedBatches(count: number): { readonly bytes: Uint8Array; readonly count: number }[] {
  const utf8 = new TextEncoder()
  const names = Object.keys(EVENT_INTENTS)
  const decoder = loadCodec("auto").decoder({
    ...{ compression: "none", encoding: ENCODING, events: names, wanted: new Set(names), shard: 0 },
    limits: DEFAULT_DECODER_LIMITS,
  })
  decoder.setTime(Date.now())
  const batches: { bytes: Uint8Array; count: number }[] = []
  let sequence = 0
  const take = () => {
    const bytes = new Uint8Array(decoder.pendingBytes())
    const records = new Int32Array(decoder.pendingEvents() * RECORD_INTS)
    if (bytes.length > 0) batches.push({ bytes, count: decoder.take(bytes, records) })
  }
  for (const { t, d } of corpus({ seed: 1, count })) {
    sequence += 1
    decoder.push(utf8.encode(JSON.stringify({ t, s: sequence, op: 0, d })))
    if (sequence % BATCH_EVENTS === 0) take()
  }
  take()
  return batches
}

async function runGateway(shards: number, smoke: boolean, sink?: "sink"): Promise<Sample> {
  const [server, feed] = await Promise.all([sink === undefined ? startRedisServer() : null, startFeed(shards)])
  const running = startGateway(feed.host, server === null ? countingBroker() : brokerOn(server.url))
  await running.quiet()
  const sample = await measureBursts(smoke, async (events) => {
    const each = Math.ceil(events / shards)
    const send = await feed.prepare(each)
    return async () => {
      const all = running.more(each * shards)
      send()
      await all
      return each * shards
    }
  })
  await running.stop()
  await feed.stop()
  await server?.stop()
  return sample
}

async function runPeer(shards: number, smoke: boolean): Promise<Sample> {
  const [server, feed] = await Promise.all([startRedisServer(), startFeed(shards)])
  const peer = startPeer(feed.host, server.url, shards)
  peer.say({ quiet: true })
  await peer.hear()
  let total: Sample = { events: 0, cpuUs: 0, wallUs: 0 }
  for (let burst = -1; burst < (smoke ? 1 : BURSTS); burst += 1) {
    const each = Math.ceil((smoke ? SMOKE_EVENTS : BURST_EVENTS) / shards)
    const send = await feed.prepare(each)
    const sample = await measuredBy(peer, each * shards, send)
    if (burst >= 0) total = sum(total, sample)
  }
  await peer.stop()
  await feed.stop()
  await server.stop()
  return total
}

async function runPaced(smoke: boolean): Promise<Sample> {
  const { server, feed, host } = await startPacedFeed()
  const running = startGateway(host, brokerOn(server.url))
  await running.quiet()
  const events = smoke ? PACE.smokeEvents : PACE.events
  let latencyUs: unknown
  const sample = await measure(async () => {
    feed.say({ events, rate: PACE.rate })
    latencyUs = (await feed.hear())["latencyUs"]
    return events
  })
  await running.stop()
  await feed.stop()
  await server.stop()
  return { ...sample, latencyUs: threeOf(latencyUs) }
}

async function runPacedPeer(smoke: boolean): Promise<Sample> {
  const { server, feed, host } = await startPacedFeed()
  const peer = startPeer(host, server.url, 1)
  peer.say({ quiet: true })
  await peer.hear()
  const events = smoke ? PACE.smokeEvents : PACE.events
  const sample = await measuredBy(peer, events, () => feed.say({ events, rate: PACE.rate }))
  const { latencyUs } = await feed.hear()
  await peer.stop()
  await feed.stop()
  await server.stop()
  return { ...sample, latencyUs: threeOf(latencyUs) }
}

async function startPacedFeed() {
  const server = await startRedisServer()
  const feed = startLineProcess([process.execPath, join(import.meta.dir, "feed", "paced.ts"), server.url])
  const { host } = await feed.hear()
  return { server, feed, host: String(host) }
}

function startPeer(host: string, redisUrl: string, shards: number) {
  return startLineProcess(["node", join(PEERS, "discordjs-redis.mjs"), `http://${host}/api`, redisUrl, String(shards)])
}

async function measuredBy(
  peer: ReturnType<typeof startLineProcess>,
  events: number,
  send: () => void,
): Promise<Sample> {
  peer.say({ events })
  await peer.hear()
  send()
  const { cpuUs, wallUs } = await peer.hear()
  return { events, cpuUs: Number(cpuUs), wallUs: Number(wallUs) }
}

function brokerOn(url: string): Broker {
  return redisBroker({
    ...{ urls: [url], group: "gateway", body: "msgpack", trimming: { retentionMs: RETENTION_MS }, poolSize: 1 },
    logger: silentLogger,
  })
}

function countingBroker(): Broker {
  return {
    encoding: ENCODING,
    ended: new Promise(() => {}),
    publish: () => Promise.resolve(),
    announce: () => Promise.resolve(),
    async *consume() {},
    call: () => Promise.reject(new Error("nothing answers here")),
    close: () => Promise.resolve(),
  }
}

function startGateway(host: string, broker: Broker) {
  const { config } = readGatewayConfig({
    file: null,
    env: {
      DISCORD_TOKEN: "benchmark",
      DISCORD_EVENTS: Object.keys(EVENT_INTENTS).join(","),
      DISCORD_RAW_INTENTS: "53608447",
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: host,
    },
    isTerminal: false,
    readText: () => "",
  })
  const counted = countConfirms(broker)
  const gateway = new Gateway({
    config,
    codec: loadCodec("auto"),
    broker: counted.broker,
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
  return {
    ...counted,
    async stop() {
      stop.abort()
      await ended
    },
  }
}

/** The same broker, its confirms counted. */
function countConfirms(broker: Broker) {
  let count = 0
  let target = Number.POSITIVE_INFINITY
  let reached = () => {}
  const counting: Broker = {
    ...{ encoding: broker.encoding, ended: broker.ended },
    async publish(batch) {
      await broker.publish(batch)
      count += batch.count
      if (count >= target) reached()
    },
    announce: (event, data) => broker.announce(event, data),
    consume: (events, signal) => broker.consume(events, signal),
    call: (event, data, options) => broker.call(event, data, options),
    close: (options) => broker.close(options),
  }
  return {
    broker: counting,
    more(events: number): Promise<void> {
      target = count + events
      return new Promise((resolve) => {
        reached = resolve
      })
    },
    /** Resolves once READY and the guilds are through. */
    async quiet(): Promise<void> {
      for (let before = 0; before === 0 || before !== count; ) {
        before = count
        await Bun.sleep(QUIET_MS)
      }
    },
  }
}

/** One burst to warm up, then several, each prepared before the clock runs. */
async function measureBursts(
  smoke: boolean,
  prepare: (events: number) => Promise<() => Promise<number>>,
): Promise<Sample> {
  const events = smoke ? SMOKE_EVENTS : BURST_EVENTS
  await (await prepare(events))()
  let total: Sample = { events: 0, cpuUs: 0, wallUs: 0 }
  for (let burst = 0; burst < (smoke ? 1 : BURSTS); burst += 1) total = sum(total, await measure(await prepare(events)))
  return total
}

function sum(a: Sample, b: Sample): Sample {
  return { events: a.events + b.events, cpuUs: a.cpuUs + b.cpuUs, wallUs: a.wallUs + b.wallUs }
}

function threeOf(value: unknown): readonly [number, number, number] {
  const [median, high, highest] = Array.isArray(value) ? value.map(Number) : []
  return [median ?? Number.NaN, high ?? Number.NaN, highest ?? Number.NaN]
}
