// The gateway and a RabbitMQ that goes away, comes back, hangs, runs out of memory or loses its queues: every event of the
// simulator's log is in its queue, in order. Short by default; SPECTACLES_LONG_TESTS=1 runs them at their full length (30 s
// without RabbitMQ at 5,000 events a second).

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import { type Channel, connect } from "amqplib"
import { type AmqpBrokerOptions, type AmqpState, amqpBroker } from "../../src/brokers/amqp/broker.ts"
import { type Clock, systemClock } from "../../src/flow/clock.ts"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { messageIds, takeMessages } from "../fixtures/amqp-queues.ts"
import { fastClock } from "../fixtures/fast-clock.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { RecordingLogger } from "../fixtures/recording-logger.ts"
import { EVENTS, missingAmong, type RunningGateway, runGateway, until } from "../fixtures/running-gateway.ts"

const LONG = process.env["SPECTACLES_LONG_TESTS"] === "1"
const OUTAGE = LONG ? { lastsMs: 30_000, rate: 2_500 } : { lastsMs: 500, rate: 500 }
const SHARDS = 2
const TIMEOUT_MS = LONG ? 300_000 : 120_000
const QUEUES = [...EVENTS, "GATEWAY_GAP"]

let server: RabbitmqServer
let discord: Simulator
let running: RunningGateway | undefined
let log: RecordingLogger
let states: AmqpState[]
let group: string
let groups = 0

beforeAll(async () => {
  server = await startRabbitmqServer()
}, TIMEOUT_MS)
afterAll(() => server.stop())

afterEach(async () => {
  server.resume()
  await running?.stop()
  running = undefined
  await discord.stop()
}, TIMEOUT_MS)

async function run(
  { clock = systemClock, ...options }: SimulatorOptions & { readonly clock?: Clock } = {},
  brokerOptions: Partial<AmqpBrokerOptions> = {},
): Promise<RunningGateway> {
  groups += 1
  group = `gateway-${groups}`
  log = new RecordingLogger()
  states = []
  // Discord itself keeps fewer events, and a session for less long; here an outage may take longer, on a fast clock above all.
  discord = await startSimulator({
    ...{ guilds: 8, shards: SHARDS, maxConcurrency: SHARDS, replayEvents: 1_000_000, sessionLifetimeMs: 3_600_000 },
    ...{ clock, ...options },
  })
  const broker = amqpBroker({
    urls: [server.url],
    group,
    body: "json",
    messageTimeoutMs: 600_000,
    events: QUEUES,
    logger: log,
    onState: (state) => states.push(state),
    ...brokerOptions,
  })
  running = runGateway({ discord, clock, broker })
  await running.ready()
  await until(() => states.includes("up"))
  return running
}

const identifies = () => discord.record.of("identify").length
const sequences = () => discord.sessions().map(({ sequence }) => sequence)
const allPast = async (events: number) => {
  const before = sequences()
  await until(() => sequences().every((sequence, index) => sequence > (before[index] ?? 0) + events))
}

/** Traffic ends, and everything that Discord dispatched is confirmed. */
async function expectEverything(gateway: RunningGateway): Promise<void> {
  discord.setRate(0)
  await gateway.ready()
  await until(() => {
    const { shards } = gateway.gateway.shards as {
      readonly shards: readonly { readonly id: number; acknowledged: number }[]
    }
    const live = discord.sessions().filter((session) => session.live)
    return live.every(({ shard, sequence }) => shards.find(({ id }) => id === shard)?.acknowledged === sequence)
  })
  const messages = await takeMessages(server.url, group, EVENTS)
  expect(missingAmong(discord, messageIds(messages))).toEqual([])
  expect(identifies()).toBe(SHARDS)
}

async function onChannel(work: (channel: Channel) => Promise<unknown>): Promise<void> {
  const connection = await connect(server.url)
  await work(await connection.createChannel())
  await connection.close()
}

test(
  "#27 RabbitMQ is stopped under load and started again: every event arrives, in order per shard",
  async () => {
    const gateway = await run({ rate: OUTAGE.rate })
    await allPast(200)
    await server.down()
    await Bun.sleep(OUTAGE.lastsMs)
    await server.up()
    await allPast(OUTAGE.rate / 4)
    await expectEverything(gateway)
    expect(states.filter((state, index) => state !== states[index - 1])).toEqual(["up", "down", "up"])
    // Once a change, not once a try.
    expect(log.messages("warn").length).toBeLessThan(10)
  },
  TIMEOUT_MS,
)

test.skipIf(!LONG)(
  "#27 RabbitMQ is killed under load: what it had not confirmed is published again, with the same ids",
  async () => {
    const gateway = await run({ rate: OUTAGE.rate })
    await allPast(200)
    await server.kill()
    await server.up()
    await allPast(200)
    await expectEverything(gateway)
  },
  TIMEOUT_MS,
)

test(
  "#26 RabbitMQ hangs: the connection to Discord is closed resumably, and everything arrives once it goes on",
  async () => {
    const gateway = await run({ rate: 150, clock: fastClock(10), heartbeatIntervalMs: 20_000 })
    await allPast(100)
    server.pause()
    await until(() => discord.record.of("close").length >= SHARDS)
    server.resume()
    await until(() => discord.record.of("resume").length >= SHARDS)
    await expectEverything(gateway)
  },
  TIMEOUT_MS,
)

test(
  "#28 RabbitMQ's memory alarm holds publishes back, is told of, and loses nothing",
  async () => {
    const gateway = await run({ rate: 150, clock: fastClock(10), heartbeatIntervalMs: 20_000 })
    await allPast(100)
    await server.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    await until(() => states.at(-1) === "blocked")
    expect(log.messages("warn")).toContain("RabbitMQ takes no messages: events wait until it does")
    // Full for too long: Discord holds the events from here on.
    await until(() => discord.record.of("close").length >= SHARDS)
    await server.ctl("set_vm_memory_high_watermark", "0.8")
    await until(() => states.at(-1) === "up" && discord.record.of("resume").length >= SHARDS)
    await expectEverything(gateway)
    expect(log.messages("info")).toContain("RabbitMQ takes messages again")
  },
  TIMEOUT_MS,
)

test(
  "#31 what cannot be sent is refused once, counted, and never comes again",
  async () => {
    const gateway = await run()
    const poison = [
      ["SEND", "nonsense"],
      ["SEND", '{"guild_id":"81384788765712384","packet":{"op":2,"d":{}}}'],
      ["0", `{"op":3,"d":{"status":"${"x".repeat(5_000)}"}}`],
      ["0", ""],
    ] as const
    await onChannel(async (channel) => {
      for (const event of ["SEND", "0"]) {
        await channel.assertQueue(`${group}:${event}`)
        await channel.bindQueue(`${group}:${event}`, group, event)
      }
      for (const [event, body] of poison) channel.publish(group, event, Buffer.from(body))
      await channel.close()
    })
    const refused = () => gateway.log.lines.filter(({ fields }) => fields["reason"] !== undefined && "event" in fields)
    await until(() => refused().length === poison.length)
    expect(await gateway.metrics.text()).toContain('gateway_refused_sends_total{reason="malformed"} 2')
    await gateway.stop()
    await onChannel(async (channel) => {
      for (const event of ["SEND", "0"]) expect((await channel.checkQueue(`${group}:${event}`)).messageCount).toBe(0)
    })
    expect(refused()).toHaveLength(poison.length)
  },
  TIMEOUT_MS,
)

test(
  "queues and the exchange that somebody deletes are declared again, and what found no queue is published again",
  async () => {
    const gateway = await run({ rate: 200 })
    await allPast(50)
    await onChannel((channel) => channel.deleteQueue(`${group}:TYPING_START`))
    await until(() => states.filter((state) => state === "up").length === 2)
    await allPast(50)
    await onChannel((channel) => channel.deleteExchange(group))
    await until(() => states.filter((state) => state === "up").length === 3)
    await allPast(50)
    // A deleted queue takes its messages with it, so only the newest is looked for.
    discord.setRate(0)
    await gateway.ready()
    const messages = await takeMessages(server.url, group, ["TYPING_START", "MESSAGE_CREATE"])
    for (const [, waiting] of messages) expect(waiting.length).toBeGreaterThan(0)
    const typing = new Set((messages.get("TYPING_START") ?? []).map(({ properties }) => properties.messageId))
    for (const { id } of discord.sessions()) {
      const last = (discord.log(id) ?? []).filter(({ t }) => t === "TYPING_START").at(-1)
      expect(typing.has(`${id}:${last?.sequence}`)).toBe(true)
    }
  },
  TIMEOUT_MS,
)
