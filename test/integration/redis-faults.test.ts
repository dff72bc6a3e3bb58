// The gateway and a Redis that goes away, comes back, hangs or hands over: every event of the simulator's log is in its
// stream, in order. Short by default; SPECTACLES_LONG_TESTS=1 runs them at their full length (30 s without Redis at 5,000
// events a second, ten kills).

import { afterEach, describe, expect, test } from "bun:test"
import { type RedisBroker, type RedisBrokerOptions, redisBroker } from "../../src/brokers/redis/broker.ts"
import { type Clock, systemClock } from "../../src/flow/clock.ts"
import { redisSessionStore } from "../../src/gateway/sessions/redis-store.ts"
import { silentLogger } from "../../src/ops/log.ts"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { fastClock } from "../fixtures/fast-clock.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS, missingAmong, type RunningGateway, runGateway, until } from "../fixtures/running-gateway.ts"
import { startTcpSwitch, type TcpSwitch } from "../fixtures/tcp-switch.ts"

const LONG = process.env["SPECTACLES_LONG_TESTS"] === "1"
const OUTAGE = LONG ? { lastsMs: 30_000, rate: 2_500 } : { lastsMs: 1_500, rate: 750 }
const SHARDS = 2
const TIMEOUT_MS = LONG ? 300_000 : 120_000
const HOUR_MS = 3_600_000

let discord: Simulator
let server: RedisServer
let running: RunningGateway | undefined
const others: { stop(): unknown }[] = []

afterEach(async () => {
  server.resume()
  await running?.stop()
  running = undefined
  await discord.stop()
  await server.stop()
  for (const other of others.splice(0)) await other.stop()
})

async function simulate(options: SimulatorOptions = {}): Promise<void> {
  // Discord itself keeps fewer events, and a session for less long; here an outage may take longer, on a fast clock above all.
  discord = await startSimulator({
    guilds: 8,
    shards: SHARDS,
    maxConcurrency: SHARDS,
    replayEvents: 1_000_000,
    sessionLifetimeMs: HOUR_MS,
    ...options,
  })
}

function connect(options: Partial<RedisBrokerOptions> = {}): RedisBroker {
  return redisBroker({
    urls: [server.url],
    group: "gateway",
    body: "msgpack",
    trimming: { retentionMs: HOUR_MS },
    poolSize: 1,
    logger: silentLogger,
    ...options,
  })
}

async function run(options: Partial<RedisBrokerOptions> = {}, clock: Clock = systemClock): Promise<RunningGateway> {
  const broker = connect({ clock, ...options })
  const store = redisSessionStore({ values: broker.values, prefix: "gateway", onUnreadable: () => {} })
  running = runGateway({ discord, clock, broker, store })
  await running.ready()
  return running
}

const count = async (event: string) => Number(await server.command("XLEN", event))
const identifies = () => discord.record.of("identify").length

/** Traffic ends, and everything that Discord dispatched is confirmed. */
async function expectEverything(gateway: RunningGateway, from: RedisServer = server): Promise<number> {
  discord.setRate(0)
  await gateway.ready()
  await until(() => {
    const { shards } = gateway.gateway.shards as {
      readonly shards: readonly { readonly id: number; acknowledged: number }[]
    }
    return discord
      .sessions()
      .filter(({ live }) => live)
      .every(({ shard, sequence }) => shards.find(({ id }) => id === shard)?.acknowledged === sequence)
  })
  const ids = await streamIds(from.url, EVENTS)
  expect(missingAmong(discord, ids)).toEqual([])
  return [...ids.values()].reduce((sum, stream) => sum + stream.length, 0)
}

test(
  "#27 #29 Redis is stopped under load and started again: every event arrives, in order per shard",
  async () => {
    server = await startRedisServer({ appendOnly: true })
    await simulate({ rate: OUTAGE.rate })
    const gateway = await run()
    await until(() => discord.sessions().every(({ sequence }) => sequence > 200))
    await server.down()
    await Bun.sleep(OUTAGE.lastsMs)
    const before = discord.sessions().map(({ sequence }) => sequence)
    await server.up()
    await until(() =>
      discord.sessions().every(({ sequence }, index) => sequence > (before[index] ?? 0) + OUTAGE.rate / 4),
    )
    const entries = await expectEverything(gateway)
    expect(entries).toBeGreaterThan((OUTAGE.rate * SHARDS * OUTAGE.lastsMs) / 2_000)
    expect(identifies()).toBe(SHARDS)
    // Once a change, not once a try.
    const told = gateway.log.messages("warn").filter((message) => message.includes("Redis"))
    expect(told.length).toBeLessThan(10)
  },
  TIMEOUT_MS,
)

test(
  "#27 Redis is killed under load and loses its last connection's replies: duplicates carry equal ids, nothing is missing",
  async () => {
    server = await startRedisServer({ appendOnly: true })
    await simulate({ rate: OUTAGE.rate })
    const gateway = await run()
    for (let kill = 0; kill < (LONG ? 10 : 3); kill += 1) {
      const before = discord.sessions().map(({ sequence }) => sequence)
      await until(() => discord.sessions().every(({ sequence }, index) => sequence > (before[index] ?? 0) + 200))
      await server.kill()
      await server.up()
    }
    await expectEverything(gateway)
    expect(identifies()).toBe(SHARDS)
  },
  TIMEOUT_MS,
)

test(
  "#26 Redis hangs: the connection to Discord is closed resumably, and everything arrives once it goes on",
  async () => {
    const clock = fastClock(20)
    server = await startRedisServer()
    await simulate({ rate: 150, clock, heartbeatIntervalMs: 20_000 })
    const gateway = await run({}, clock)
    await until(() => discord.sessions().every(({ sequence }) => sequence > 100))
    server.pause()
    await until(() => discord.record.of("close").length >= SHARDS)
    server.resume()
    await until(() => discord.record.of("resume").length >= SHARDS)
    await expectEverything(gateway)
    expect(identifies()).toBe(SHARDS)
  },
  TIMEOUT_MS,
)

describe("#29 a failover", () => {
  let address: TcpSwitch

  test(
    "to a replica: the old master answers READONLY, the address leads to the new one, nothing is missing",
    async () => {
      server = await startRedisServer()
      const replica = await startRedisServer({ replicaOf: server })
      address = await startTcpSwitch(server.port)
      others.push(replica, address)
      while (!(await server.command("INFO", "replication")).includes("state=online")) await Bun.sleep(10)
      await simulate({ rate: OUTAGE.rate })
      const gateway = await run({ urls: [`redis://127.0.0.1:${address.port}`] })
      await until(() => discord.sessions().every(({ sequence }) => sequence > 200))
      address.set(replica.port)
      await server.command("FAILOVER", "TO", "127.0.0.1", String(replica.port))
      while (!(await replica.command("ROLE")).startsWith("master")) await Bun.sleep(10)
      const before = discord.sessions().map(({ sequence }) => sequence)
      await until(() => discord.sessions().every(({ sequence }, index) => sequence > (before[index] ?? 0) + 200))
      await expectEverything(gateway, replica)
      expect(identifies()).toBe(SHARDS)
    },
    TIMEOUT_MS,
  )
})

test("#30 streams are trimmed by age, whoever has not read them", async () => {
  server = await startRedisServer()
  await simulate({ rate: 1_000 })
  const gateway = await run({ trimming: { retentionMs: 300 } })
  await server.command("XGROUP", "CREATE", "MESSAGE_CREATE", "dead", "0", "MKSTREAM")
  await until(() => discord.sessions().every(({ sequence }) => sequence > 3_000))
  discord.setRate(0)
  await gateway.stop()
  const sent = discord.sessions().flatMap(({ id }) => discord.log(id) ?? [])
  const messages = sent.filter(({ t }) => t === "MESSAGE_CREATE").length
  // Thresholds move once a second, and Redis trims whole nodes of 100 entries.
  expect(await count("MESSAGE_CREATE")).toBeLessThan(messages * 0.75)
  expect(await count("MESSAGE_CREATE")).toBeGreaterThan(0)
})

test("#17 consumers read of a session that is gone in the stream GATEWAY_GAP", async () => {
  const clock = fastClock(20)
  server = await startRedisServer()
  await simulate({ clock, rate: 20 })
  await run({}, clock)
  await until(() => discord.sessions().every(({ sequence }) => sequence > 20))
  discord.inject({ type: "invalid-session", resumable: false })
  await until(() => identifies() > SHARDS)
  await running?.ready()
  while ((await count("GATEWAY_GAP")) === 0) await Bun.sleep(5)
})
