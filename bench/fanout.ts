// How fast do events get from Discord to the broker, and what does that cost? A simulator in another process, the gateway,
// a real Redis or RabbitMQ; beside it what the server takes from a bare client, the gateway with a sink that only counts,
// and what a user would write today (bench/peers).

import { join } from "node:path"
import { amqpBroker } from "../src/brokers/amqp/broker.ts"
import type { Broker } from "../src/brokers/broker.ts"
import { silentLogger } from "../src/ops/log.ts"
import { startRabbitmqServer } from "../test/fixtures/rabbitmq-server.ts"
import { startRedisServer } from "../test/fixtures/redis-server.ts"
import { type Benchmark, type BenchmarkCase, measure, type Sample } from "./benchmark.ts"
import { runBareRabbitmqClient } from "./fanout/bare-rabbitmq.ts"
import { runBareRedisClient } from "./fanout/bare-redis.ts"
import { redisBrokerAt } from "./fanout/brokers.ts"
import { startDiscordjs, whyNoPeer } from "./fanout/discordjs.ts"
import { GROUP, MESSAGE_TIMEOUT_MS, RABBITMQ_BURST, REDIS_BURST, REDIS_ENCODING } from "./fanout/settings.ts"
import { measureBursts, sendAhead } from "./feed/bursts.ts"
import { startFeed } from "./feed/feed.ts"
import { ALL_EVENTS, sink, startGateway } from "./feed/gateway.ts"
import { startLineProcess } from "./feed/line-process.ts"

const PACE = { rate: 2_000, events: 20_000, smokeEvents: 200 } as const

/** A server of the trial's own, and the gateway's broker on it. */
interface Server {
  readonly url: string
  readonly broker: () => Broker
  stop(): Promise<void>
}

const redis: Pick<BenchmarkCase, "skipped"> = {
  skipped: () => (Bun.which("redis-server") === null ? "Redis is not installed" : undefined),
}
const rabbitmq: Pick<BenchmarkCase, "skipped"> = {
  skipped: () => (Bun.which("rabbitmq-server") === null ? "RabbitMQ is not installed" : undefined),
}
const discordjs: Pick<BenchmarkCase, "skipped"> = { skipped: whyNoPeer }

export const benchmark: Benchmark = {
  question: "How fast do events get from Discord to the broker, and what does each cost the gateway?",
  cases: [
    { name: "one shard, counting sink", run: ({ smoke }) => runGateway(1, smoke, startSink, REDIS_BURST) },
    { ...redis, name: "Redis: bare client", run: ({ smoke }) => runBareRedisClient(smoke) },
    { ...redis, name: "Redis: one shard", run: ({ smoke }) => runGateway(1, smoke, startRedis, REDIS_BURST) },
    { ...redis, name: "Redis: eight shards", run: ({ smoke }) => runGateway(8, smoke, startRedis, REDIS_BURST) },
    { ...redis, name: "Redis: one shard at 2,000/s", run: ({ smoke }) => runPaced(smoke, startRedis) },
    { ...discordjs, name: "Redis: discord.js, one shard", run: ({ smoke }) => runPeer(1, smoke) },
    { ...discordjs, name: "Redis: discord.js, eight shards", run: ({ smoke }) => runPeer(8, smoke) },
    { ...discordjs, name: "Redis: discord.js at 2,000/s", run: ({ smoke }) => runPacedPeer(smoke) },
    {
      ...rabbitmq,
      name: "RabbitMQ: bare client, finished frames",
      run: ({ smoke }) => runBareRabbitmqClient(smoke, "finished frames"),
    },
    {
      ...rabbitmq,
      name: "RabbitMQ: bare client, amqplib",
      run: ({ smoke }) => runBareRabbitmqClient(smoke, "amqplib"),
    },
    {
      ...rabbitmq,
      name: "RabbitMQ: one shard",
      run: ({ smoke }) => runGateway(1, smoke, startRabbitmq, RABBITMQ_BURST),
    },
    {
      ...rabbitmq,
      name: "RabbitMQ: eight shards",
      run: ({ smoke }) => runGateway(8, smoke, startRabbitmq, RABBITMQ_BURST),
    },
    { ...rabbitmq, name: "RabbitMQ: one shard at 2,000/s", run: ({ smoke }) => runPaced(smoke, startRabbitmq) },
  ],
  ratios: [
    { of: "Redis: one shard", to: "Redis: bare client", rateAtLeast: 0.85 },
    { of: "Redis: one shard", to: "one shard, counting sink", atMost: 1.5 },
    { of: "Redis: one shard", to: "Redis: discord.js, one shard", atMost: 1 / 5 },
    { of: "RabbitMQ: one shard", to: "RabbitMQ: bare client, finished frames", rateAtLeast: 0.85 },
  ],
}

async function startRedis(): Promise<Server> {
  const server = await startRedisServer()
  return {
    url: server.url,
    broker: () => redisBrokerAt(server.url),
    stop: () => server.stop(),
  }
}

async function startRabbitmq(): Promise<Server> {
  const server = await startRabbitmqServer()
  return {
    url: server.url,
    broker: () =>
      amqpBroker({
        ...{ urls: [server.url], group: GROUP, body: "json", messageTimeoutMs: MESSAGE_TIMEOUT_MS, events: ALL_EVENTS },
        logger: silentLogger,
      }),
    stop: () => server.stop(),
  }
}

function startSink(): Promise<Server> {
  return Promise.resolve({ url: "", broker: () => sink(REDIS_ENCODING), stop: () => Promise.resolve() })
}

async function runGateway(
  shards: number,
  smoke: boolean,
  start: () => Promise<Server>,
  burstEvents: number,
): Promise<Sample> {
  const [server, feed] = await Promise.all([start(), startFeed(shards)])
  const gateway = await startGateway({ host: feed.host, broker: server.broker() })
  const sample = await measureBursts(
    smoke,
    async (events) => {
      const each = Math.ceil(events / shards)
      const send = await feed.prepare(each)
      return () =>
        measure(async () => {
          await gateway.more(each * shards, sendAhead(each * shards, shards, send))
          return each * shards
        })
    },
    burstEvents,
  )
  await gateway.stop()
  await feed.stop()
  await server.stop()
  return sample
}

async function runPaced(smoke: boolean, start: () => Promise<Server>): Promise<Sample> {
  const server = await start()
  const feed = await startPacedFeed(server.url)
  const gateway = await startGateway({ host: feed.host, broker: server.broker() })
  let latencyUs: Sample["latencyUs"]
  const sample = await measure(async () => {
    const events = smoke ? PACE.smokeEvents : PACE.events
    feed.send(events)
    latencyUs = await feed.latencyUs()
    return events
  })
  await gateway.stop()
  await feed.stop()
  await server.stop()
  return { ...sample, ...(latencyUs === undefined ? {} : { latencyUs }) }
}

async function runPeer(shards: number, smoke: boolean): Promise<Sample> {
  const [server, feed] = await Promise.all([startRedisServer(), startFeed(shards)])
  const peer = await startDiscordjs(feed.host, server.url, shards)
  const sample = await measureBursts(smoke, async (events) => {
    const each = Math.ceil(events / shards)
    const send = await feed.prepare(each)
    return () => peer.measure(each * shards, send)
  })
  await peer.stop()
  await feed.stop()
  await server.stop()
  return sample
}

async function runPacedPeer(smoke: boolean): Promise<Sample> {
  const server = await startRedisServer()
  const feed = await startPacedFeed(server.url)
  const peer = await startDiscordjs(feed.host, server.url, 1)
  const events = smoke ? PACE.smokeEvents : PACE.events
  const sample = await peer.measure(events, () => feed.send(events))
  const latencyUs = await feed.latencyUs()
  await peer.stop()
  await feed.stop()
  await server.stop()
  return { ...sample, latencyUs }
}

/** A simulated Discord that sends at a pace and reads the events back from the broker. */
async function startPacedFeed(brokerUrl: string) {
  const feed = startLineProcess([process.execPath, join(import.meta.dir, "feed", "paced.ts"), brokerUrl])
  const { host } = await feed.hear()
  return {
    host: String(host),
    send: (events: number) => feed.say({ events, rate: PACE.rate }),
    async latencyUs(): Promise<readonly [number, number, number]> {
      const { latencyUs } = await feed.hear()
      const [median, high, highest] = Array.isArray(latencyUs) ? latencyUs.map(Number) : []
      return [median ?? Number.NaN, high ?? Number.NaN, highest ?? Number.NaN]
    },
    stop: () => feed.stop(),
  }
}
