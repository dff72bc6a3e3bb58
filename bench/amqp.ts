// How much of what RabbitMQ takes does a shard give it? One shard fed by a simulator in another process, beside a bare client
// that publishes the same kind of events with confirms. Each trial has a server of its own.

import { type ChannelModel, type ConfirmChannel, connect } from "amqplib"
import { amqpBroker } from "../src/brokers/amqp/broker.ts"
import { sessionBytes } from "../src/brokers/amqp/frames.ts"
import { type Confirm, openLane } from "../src/brokers/amqp/lane.ts"
import { CONTENT_TYPES, Heads } from "../src/brokers/amqp/message.ts"
import { Topology } from "../src/brokers/amqp/topology.ts"
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
/** As a shard publishes under load. */
const BATCH_EVENTS = 64
const SEED = 1
const QUIET_MS = 300

export const benchmark: Benchmark = {
  question: "How much of what RabbitMQ takes from a bare confirming client does one shard give it?",
  cases: [
    { name: "bare client, finished frames", skipped: whyNot, run: ({ smoke }) => runBare(smoke, finishedFrames) },
    { name: "bare client, amqplib", skipped: whyNot, run: ({ smoke }) => runBare(smoke, amqplibsPublish) },
    { name: "one shard", skipped: whyNot, run: ({ smoke }) => runShard(smoke) },
  ],
}

/** Publishes 64 events at a time and calls `confirm` for each. */
type PublishSome = (confirm: Confirm) => void

async function runBare(smoke: boolean, publisher: typeof finishedFrames): Promise<Sample> {
  const server = await startRabbitmqServer()
  const connection = await connect(server.url, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  const messages = [...corpus({ seed: SEED, count: smoke ? SMOKE_EVENTS : BURST_EVENTS })].map(({ t, d }) => ({
    event: t,
    content: Buffer.from(JSON.stringify(d)),
  }))
  await new Topology(GROUP).declare(channel, new Set(messages.map(({ event }) => event)))
  const publishSome = publisher(connection, channel, messages)
  const sample = await measureBursts(smoke, async (count) => () => publishWindowed(publishSome, count))
  await connection.close()
  await server.stop()
  return sample
}

interface Event {
  readonly event: string
  readonly content: Buffer
}

/** Frames that are finished before the clock runs: nothing is left to do but to send them. */
function finishedFrames(
  connection: ChannelModel,
  channel: ConfirmChannel,
  events: readonly Event[],
): (batch: number) => PublishSome {
  const lane = openLane({ connection, channel, onDrain: () => {} })
  const heads = new Heads(GROUP, "json", MESSAGE_TIMEOUT_MS)
  const id = { session: sessionBytes("0123456789abcdef0123456789abcdef"), sequence: 0 }
  const batches: Buffer[] = []
  for (let first = 0; first + BATCH_EVENTS <= events.length; first += BATCH_EVENTS) {
    const messages = events.slice(first, first + BATCH_EVENTS).map(({ event, content }, index) => {
      const frames = heads.of(event, lane)
      const out = Buffer.alloc(frames.maxBytes(content.length))
      return out.subarray(0, frames.write(out, 0, { ...id, sequence: first + index }, content, 0, content.length))
    })
    batches.push(Buffer.concat(messages))
  }
  return (batch) => (confirm) => {
    lane.send(batches[batch % batches.length] ?? Buffer.alloc(0), BATCH_EVENTS, confirm)
  }
}

function amqplibsPublish(
  _connection: ChannelModel,
  channel: ConfirmChannel,
  events: readonly Event[],
): (batch: number) => PublishSome {
  const properties = {
    contentType: CONTENT_TYPES.json,
    persistent: true,
    mandatory: true,
    expiration: String(MESSAGE_TIMEOUT_MS),
    messageId: "",
  }
  return (batch) => (confirm) => {
    for (let index = 0; index < BATCH_EVENTS; index += 1) {
      const number = batch * BATCH_EVENTS + index
      const message = events[number % events.length]
      properties.messageId = `0123456789abcdef0123456789abcdef:${number}`
      if (message !== undefined) channel.publish(GROUP, message.event, message.content, properties, confirm)
    }
  }
}

/** At least `count` events, whole batches, with no more than a shard's window unconfirmed. */
function publishWindowed(publish: (batch: number) => PublishSome, count: number): Promise<number> {
  const batches = Math.ceil(count / BATCH_EVENTS)
  const total = batches * BATCH_EVENTS
  return new Promise((resolve, reject) => {
    let sent = 0
    let confirmed = 0
    const onConfirm: Confirm = (error) => {
      if (error !== null) return reject(error)
      confirmed += 1
      if (confirmed === total) return resolve(total)
      if (sent - confirmed === WINDOW_EVENTS / 2) fill()
    }
    const fill = () => {
      for (; sent < total && sent - confirmed < WINDOW_EVENTS; sent += BATCH_EVENTS)
        publish(sent / BATCH_EVENTS)(onConfirm)
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
