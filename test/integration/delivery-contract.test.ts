// What is stored of a session never runs ahead of what the broker has, by real processes on real servers: whatever is refused
// or lost, the next process resumes from before it.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis } from "ioredis"
import { decodeBody } from "../../src/brokers/body.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { messageIds, takeMessages } from "../fixtures/amqp-queues.ts"
import { freePort } from "../fixtures/free-port.ts"
import { type GatewayProcess, startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"
import { startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS, missingAmong, outcomes, until } from "../fixtures/running-gateway.ts"

const TIMEOUT_MS = 120_000
const SHARDS = 2
const RATE = 400
const HOUR_MS = 3_600_000

/** A broker's server that can be made to refuse. */
interface Setup {
  readonly settings: Readonly<Record<string, string>>
  refuse(): Promise<unknown>
  accept(): Promise<unknown>
  /** The ids of all that ever arrived, by event. */
  ids(): Promise<ReadonlyMap<string, readonly string[]>>
  stop(): Promise<void>
}

let discord: Simulator
let folder: string
const running: { stop(): Promise<unknown> }[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spectacles-contract-"))
})

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
  await discord.stop()
  await rm(folder, { recursive: true })
}, TIMEOUT_MS)

async function simulate(rate = RATE): Promise<void> {
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 8, shards: SHARDS, maxConcurrency: SHARDS, rate },
    ...{ replayEvents: 1_000_000, sessionLifetimeMs: HOUR_MS },
  })
}

async function start(settings: Readonly<Record<string, string>>): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess(discord, {
    DISCORD_EVENTS: EVENTS.join(","),
    DISCORD_INTENTS: "",
    DISCORD_RAW_INTENTS: "53608447",
    ...settings,
  })
  running.push(gateway)
  return gateway
}

async function metricIs(port: number, line: string): Promise<void> {
  while (true) {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    if (text.includes(`\n${line}\n`)) return
    await Bun.sleep(20)
  }
}

interface Stored {
  readonly sessionId: string
  readonly sequence: number
  readonly shardCount: number
}

async function redisSetup(): Promise<Setup> {
  const server = await startRedisServer()
  return {
    settings: { BROKER_TYPE: "redis", REDIS_URL: server.url },
    async refuse() {
      await server.command("CONFIG", "SET", "maxmemory", "1")
      // And whatever is on its way is dropped with its connection.
      await server.command("CLIENT", "KILL", "TYPE", "normal")
    },
    accept: () => server.command("CONFIG", "SET", "maxmemory", "0"),
    ids: () => streamIds(server.url, EVENTS),
    stop: () => server.stop(),
  }
}

async function amqpSetup(): Promise<Setup> {
  const server = await startRabbitmqServer()
  const taken = new Map<string, string[]>(EVENTS.map((event) => [event, []]))
  return {
    settings: { BROKER_TYPE: "amqp", AMQP_URL: server.url, BROKER_MESSAGE_TIMEOUT: "1h" },
    refuse: () => server.ctl("set_vm_memory_high_watermark", "absolute", "1MB"),
    accept: () => server.ctl("set_vm_memory_high_watermark", "0.8"),
    async ids() {
      const messages = messageIds(await takeMessages(server.url, "gateway", EVENTS))
      for (const [event, ids] of messages) taken.get(event)?.push(...ids)
      return taken
    },
    stop: () => server.stop(),
  }
}

describe.each([
  ["redis", redisSetup],
  ["amqp", amqpSetup],
] as const)("over %s with sessions in files", (_name, setUp) => {
  let setup: Setup
  let settings: Readonly<Record<string, string>>

  beforeEach(async () => {
    await simulate()
    setup = await setUp()
    running.push(setup)
    settings = { ...setup.settings, SHARD_STORE_TYPE: "file", SHARD_STORE_PATH: folder }
  }, TIMEOUT_MS)

  const stored = (): Promise<readonly (Stored | null)[]> =>
    Promise.all(
      Array.from({ length: SHARDS }, (_, shard) =>
        Bun.file(join(folder, `shard-${shard}.json`))
          .json()
          .catch(() => null),
      ),
    )
  const storedPast = async (sequence: (shard: number) => number) => {
    while ((await stored()).some((session, shard) => (session?.sequence ?? 0) < sequence(shard))) await Bun.sleep(10)
  }

  /** Traffic ends; everything is confirmed and stored. */
  async function expectEverything(): Promise<void> {
    discord.setRate(0)
    await until(() => discord.sessions().every(({ connected }) => connected))
    await storedPast((shard) => discord.sessions().find((session) => session.shard === shard)?.sequence ?? 0)
    const ids = await setup.ids()
    expect(missingAmong(discord, ids)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
  }

  /** Events that the stored session counts as received and the broker does not have; and those that are still to come. */
  async function compare(): Promise<{ readonly ahead: readonly string[]; readonly behind: number }> {
    const sessions = await stored()
    const got = new Set([...(await setup.ids()).values()].flat())
    const all = discord.sessions().flatMap(({ id, shard }) => {
      const upTo = sessions[shard]?.sessionId === id ? sessions[shard].sequence : 0
      const wanted = (discord.log(id) ?? []).filter(({ t }) => EVENTS.includes(t))
      return wanted.map(({ sequence }) => ({ id: `${id}:${sequence}`, counted: sequence <= upTo }))
    })
    const missing = all.filter(({ id }) => !got.has(id))
    return { ahead: missing.filter(({ counted }) => counted).map(({ id }) => id), behind: missing.length }
  }

  test(
    "#14 #28 the broker refuses and drops publishes: metrics show it, the stored sequence has not passed them, and after a restart they are replayed",
    async () => {
      const metricsPort = await freePort()
      const first = await start({ ...settings, PROMETHEUS_ADDRESS: `127.0.0.1:${metricsPort}` })
      await storedPast(() => 200)
      await setup.refuse()
      await metricIs(metricsPort, "gateway_broker_blocked 1")
      const before = discord.sessions().map(({ sequence }) => sequence)
      await until(() => discord.sessions().every(({ sequence }, index) => sequence > (before[index] ?? 0) + RATE))
      first.signal("SIGKILL")
      await first.exited
      const { ahead, behind } = await compare()
      expect(ahead).toEqual([])
      expect(behind).toBeGreaterThan(RATE)
      await setup.accept()
      await start(settings)
      await until(() => outcomes(discord, "resume", "resumed") === SHARDS)
      await expectEverything()
    },
    TIMEOUT_MS,
  )

  test(
    "#15 #33 killed under load again and again: what is stored is always with the broker, and nothing is missing in the end",
    async () => {
      for (let kill = 0; kill < 3; kill += 1) {
        const before = await stored()
        const gateway = await start(settings)
        await storedPast((shard) => (before[shard]?.sequence ?? 0) + 100)
        await Bun.sleep(Math.random() * 200)
        gateway.signal("SIGKILL")
        await gateway.exited
        expect((await compare()).ahead).toEqual([])
      }
      await start(settings)
      await until(() => outcomes(discord, "resume", "resumed") === SHARDS * 3)
      await expectEverything()
    },
    TIMEOUT_MS,
  )

  test(
    "#32 SIGTERM under load: everything that was read is with the broker, nothing twice, no identify",
    async () => {
      const first = await start(settings)
      await storedPast(() => 200)
      first.signal("SIGTERM")
      expect(await first.exited).toBe(0)
      expect((await compare()).ahead).toEqual([])
      await start(settings)
      await until(() => outcomes(discord, "resume", "resumed") === SHARDS)
      await expectEverything()
      for (const [, ids] of await setup.ids()) expect(new Set(ids).size).toBe(ids.length)
    },
    TIMEOUT_MS,
  )
})

describe("with sessions in Redis", () => {
  let server: RedisServer
  let redis: Redis
  let settings: Readonly<Record<string, string>>

  beforeEach(async () => {
    server = await startRedisServer()
    redis = new Redis(server.url, { protocol: 2 })
    running.push(server, { stop: async () => redis.disconnect() })
    settings = { BROKER_TYPE: "redis", SHARD_STORE_TYPE: "redis", REDIS_URL: server.url }
  })

  const stored = async (shard: number): Promise<Stored | null> =>
    JSON.parse((await redis.get(`gateway:${shard}`)) ?? "null")
  const gaps = async () =>
    (await redis.xrangeBuffer("GATEWAY_GAP", "-", "+")).map(([, fields]) => decodeBody(fields[1] ?? Buffer.alloc(0)))

  test(
    "#13 #17 a new session replaces the old one whole, with its lower sequence; consumers are told of the gap",
    async () => {
      await simulate()
      const first = await start(settings)
      while (((await stored(0))?.sequence ?? 0) < 500) await Bun.sleep(5)
      const [old] = discord.sessions().filter(({ shard }) => shard === 0)
      discord.setRate(5)
      discord.inject({ type: "invalid-session", resumable: false, shard: 0 })
      while ((await stored(0))?.sessionId === old?.id) await Bun.sleep(5)
      while ((await stored(0)) === null) await Bun.sleep(5)
      const replaced = await stored(0)
      const current = discord.sessions().find(({ shard, live }) => shard === 0 && live)
      expect(replaced).toMatchObject({ sessionId: current?.id, shardCount: SHARDS })
      expect(replaced?.sequence).toBeLessThan(500)
      const [gap] = await gaps()
      expect(gap).toEqual({ shard: 0, session_id: old?.id, last_seq: expect.any(Number) })
      // What it says is what consumers have: everything up to it and nothing after.
      const got = [...(await streamIds(server.url, EVENTS)).values()]
        .flat()
        .filter((id) => id.startsWith(`${old?.id}:`))
      const last = (gap as { readonly last_seq: number }).last_seq
      expect(Math.max(...got.map((id) => Number(id.split(":")[1])))).toBeLessThanOrEqual(last)
      first.signal("SIGKILL")
      await first.exited
      await start(settings)
      await until(() => outcomes(discord, "resume", "resumed") === SHARDS)
      expect(outcomes(discord, "identify", "ready")).toBe(SHARDS + 1)
    },
    TIMEOUT_MS,
  )

  test(
    "#16 #17 a session for another shard count is not resumed, and consumers are told of the gap",
    async () => {
      await simulate(20)
      const first = await start({ ...settings, DISCORD_SHARD_COUNT: "1" })
      while (((await stored(0))?.sequence ?? 0) < 10) await Bun.sleep(5)
      first.signal("SIGTERM")
      expect(await first.exited).toBe(0)
      const old = await stored(0)
      await start({ ...settings, DISCORD_SHARD_COUNT: "2" })
      await until(() => outcomes(discord, "identify", "ready") === 1 + 2)
      while ((await stored(0))?.shardCount !== 2 || (await stored(1))?.shardCount !== 2) await Bun.sleep(5)
      expect(outcomes(discord, "resume", "resumed")).toBe(0)
      expect(await gaps()).toEqual([{ shard: 0, session_id: old?.sessionId, last_seq: old?.sequence }])
    },
    TIMEOUT_MS,
  )
})
