// How much of what RabbitMQ takes does a shard give it? One shard fed by a simulator in another process, beside a bare client
// that publishes the same kind of events with confirms. Each trial has a
// server of its own.

import { connect } from "amqplib"
import { amqpBroker } from "../src/brokers/amqp/broker.ts"
import { CONTENT_TYPES } from "../src/brokers/amqp/message.ts"
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
import { startRabbitmqServer } from "../test/fixtures/rabbitmq-server.ts"
import { type Benchmark, measure, type Sample } from "./benchmark.ts"
import { startFeed } from "./feed/feed.ts"

const GROUP = "gateway"
const MESSAGE_TIMEOUT_MS = 120_000
const WARM_UP_EVENTS = 10_000
/** What a shard takes at once without holding its connection: its window and its backlog. */
const BURST_EVENTS = 20_000
const BURSTS = 4
const SMOKE_EVENTS = 500
/** As many as a shard may have. */
const WINDOW_EVENTS = 8_192
const SEED = 1
const QUIET_MS = 300

export const benchmark: Benchmark = {
  question: "How much of what RabbitMQ takes from a bare confirming client does one shard give it?",
  cases: [
    { name: "bare client", skipped: whyNot, run: ({ smoke }) => runBareClient(smoke) },
    { name: "one shard", skipped: whyNot, run: ({ smoke }) => runShard(smoke) },
  ],
}

async function runBareClient(smoke: boolean): Promise<Sample> {
  const server = await startRabbitmqServer()
  const utf8 = new TextEncoder()
  const messages = [...corpus({ seed: SEED, count: smoke ? SMOKE_EVENTS : 20_000 })].map(({ t, d }) => ({
    event: t,
    content: Buffer.from(utf8.encode(JSON.stringify(d))),
  }))
  const connection = await connect(server.url, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  await channel.assertExchange(GROUP, "direct")
  for (const event of new Set(messages.map(({ event }) => event))) {
    await channel.assertQueue(`${GROUP}:${event}`)
    await channel.bindQueue(`${GROUP}:${event}`, GROUP, event)
  }
  const publish = (count: number) => publishWindowed(channel, messages, count)
  const sample = await measureBursts(smoke, async (count) => () => publish(count))
  await connection.close()
  await server.stop()
  return sample
}

function publishWindowed(
  channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>["createConfirmChannel"]>>,
  messages: readonly { readonly event: string; readonly content: Buffer }[],
  count: number,
): Promise<number> {
  const properties = {
    contentType: CONTENT_TYPES.json,
    persistent: true,
    expiration: String(MESSAGE_TIMEOUT_MS),
    messageId: "",
  }
  return new Promise((resolve, reject) => {
    let sent = 0
    let confirmed = 0
    const onConfirm = (error: unknown) => {
      if (error !== null) return reject(error)
      confirmed += 1
      if (confirmed === count) return resolve(count)
      if (sent - confirmed === WINDOW_EVENTS / 2) fill()
    }
    const fill = () => {
      for (; sent < count && sent - confirmed < WINDOW_EVENTS; sent += 1) {
        const message = messages[sent % messages.length]
        if (message === undefined) return
        properties.messageId = `0123456789abcdef0123456789abcdef:${sent}`
        channel.publish(GROUP, message.event, message.content, properties, onConfirm)
      }
    }
    fill()
  })
}

async function runShard(smoke: boolean): Promise<Sample> {
  const [server, feed] = await Promise.all([startRabbitmqServer(), startFeed(1)])
  const { config } = readGatewayConfig({
    file: null,
    env: {
      DISCORD_TOKEN: "benchmark",
      DISCORD_EVENTS: Object.keys(EVENT_INTENTS).join(","),
      DISCORD_RAW_INTENTS: "53608447",
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: feed.host,
    },
    isTerminal: false,
    readText: () => "",
  })
  const broker = amqpBroker({
    urls: [server.url],
    group: GROUP,
    body: "json",
    messageTimeoutMs: MESSAGE_TIMEOUT_MS,
    events: config.events,
    logger: silentLogger,
  })
  const confirmed = countConfirms(broker)
  const gateway = new Gateway({
    config,
    codec: loadCodec("auto"),
    broker: confirmed.broker,
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
  const burst = async (count: number) => {
    const send = await feed.prepare(count)
    return async () => {
      const all = confirmed.more(count)
      send()
      await all
      return count
    }
  }
  const sample = await measureBursts(smoke, burst)
  stop.abort()
  await ended
  await feed.stop()
  await server.stop()
  return sample
}

/** One burst to warm up, then several, each prepared before the clock runs. */
async function measureBursts(smoke: boolean, prepare: (events: number) => Promise<() => Promise<number>>) {
  await (await prepare(smoke ? SMOKE_EVENTS : WARM_UP_EVENTS))()
  let total: Sample = { events: 0, cpuUs: 0, wallUs: 0 }
  for (let burst = 0; burst < (smoke ? 1 : BURSTS); burst += 1) {
    const send = await prepare(smoke ? SMOKE_EVENTS : BURST_EVENTS)
    const { events, cpuUs, wallUs } = await measure(send)
    total = { events: total.events + events, cpuUs: total.cpuUs + cpuUs, wallUs: total.wallUs + wallUs }
  }
  return total
}

type AmqpBroker = ReturnType<typeof amqpBroker>

/** The same broker, its confirms counted. */
function countConfirms(broker: AmqpBroker) {
  let count = 0
  let target = Number.POSITIVE_INFINITY
  let reached = () => {}
  return {
    broker: {
      encoding: broker.encoding,
      ended: broker.ended,
      async publish(batch: Parameters<AmqpBroker["publish"]>[0]) {
        await broker.publish(batch)
        count += batch.count
        if (count >= target) reached()
      },
      announce: broker.announce.bind(broker),
      consume: broker.consume.bind(broker),
      call: broker.call.bind(broker),
      close: broker.close.bind(broker),
    },
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

function whyNot(): string | undefined {
  return Bun.which("rabbitmq-server") === null ? "RabbitMQ is not installed" : undefined
}
