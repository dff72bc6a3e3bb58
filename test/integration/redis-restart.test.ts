// Real gateway processes on a real Redis: killed at random moments and stopped in order. Short by default;
// SPECTACLES_LONG_TESTS=1 kills ten times and restarts ten times.

import { afterEach, beforeEach, expect, test } from "bun:test"
import { Redis } from "ioredis"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { type GatewayProcess, startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS, missingAmong, outcomes, until } from "../fixtures/running-gateway.ts"

const LONG = process.env["SPECTACLES_LONG_TESTS"] === "1"
const TIMES = LONG ? 10 : 3
const RATE = LONG ? 2_500 : 500
const TIMEOUT_MS = LONG ? 300_000 : 120_000
const SHARDS = 2

let discord: Simulator
let server: RedisServer
let redis: Redis
const processes: GatewayProcess[] = []

beforeEach(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url, { protocol: 2 })
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 8, shards: SHARDS, maxConcurrency: SHARDS, rate: RATE, replayEvents: 1_000_000 },
  })
})

afterEach(async () => {
  redis.disconnect()
  for (const gateway of processes.splice(0)) await gateway.stop()
  await discord.stop()
  await server.stop()
})

async function start(settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess(discord, {
    DISCORD_EVENTS: EVENTS.join(","),
    DISCORD_INTENTS: "",
    DISCORD_RAW_INTENTS: "53608447",
    BROKER_TYPE: "redis",
    SHARD_STORE_TYPE: "redis",
    // A Redis that has just started gives the first slot after 7 s.
    DISCORD_IDENTIFY_QUEUE: "memory",
    REDIS_URL: server.url,
    ...settings,
  })
  processes.push(gateway)
  return gateway
}

/** The sequences that are stored, by shard. */
async function stored(): Promise<readonly number[]> {
  const texts = await redis.mget(Array.from({ length: SHARDS }, (_, shard) => `gateway:${shard}`))
  return texts.map((text) => (text === null ? 0 : JSON.parse(text).sequence))
}

async function storedPast(sequences: readonly number[]): Promise<void> {
  while ((await stored()).some((sequence, shard) => sequence <= (sequences[shard] ?? 0))) await Bun.sleep(5)
}

/** Traffic ends; everything is confirmed and stored. */
async function settled(): Promise<ReadonlyMap<string, readonly string[]>> {
  discord.setRate(0)
  await until(() => discord.sessions().every(({ connected }) => connected))
  await storedPast(discord.sessions().map(({ sequence }) => sequence - 1))
  return await streamIds(server.url, EVENTS)
}

test(
  "#15 #33 a gateway killed at random moments: each next one resumes, nothing is missing, duplicates carry equal ids",
  async () => {
    for (let kill = 0; kill < TIMES; kill += 1) {
      const before = await stored()
      const gateway = await start()
      await storedPast(before)
      await Bun.sleep(Math.random() * 300)
      gateway.signal("SIGKILL")
      await gateway.exited
    }
    await start()
    const ids = await settled()
    expect(missingAmong(discord, ids)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
    expect(outcomes(discord, "resume", "resumed")).toBe(SHARDS * TIMES)
  },
  TIMEOUT_MS,
)

test(
  "#32 SIGTERM and another process: a resume, no identify, nothing missing and nothing twice",
  async () => {
    for (let restart = 0; restart < TIMES; restart += 1) {
      const before = await stored()
      const gateway = await start()
      await storedPast(before)
      gateway.signal("SIGTERM")
      expect(await gateway.exited).toBe(0)
    }
    await start()
    const ids = await settled()
    expect(missingAmong(discord, ids)).toEqual([])
    for (const [, entries] of ids) expect(new Set(entries).size).toBe(entries.length)
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
    expect(outcomes(discord, "resume", "resumed")).toBe(SHARDS * TIMES)
  },
  TIMEOUT_MS,
)

test(
  "#32 SIGTERM while Redis hangs ends within the deadline, and what was not confirmed is replayed",
  async () => {
    const gateway = await start({ SHUTDOWN_TIMEOUT: "1s" })
    await storedPast([0, 0])
    server.pause()
    await Bun.sleep(50)
    gateway.signal("SIGTERM")
    expect(await gateway.exited).toBe(0)
    server.resume()
    await start()
    const ids = await settled()
    expect(missingAmong(discord, ids)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
  },
  TIMEOUT_MS,
)

test("packets that command handlers add to the streams SEND and of a shard's id reach Discord, and are acknowledged", async () => {
  discord.setRate(0)
  await start()
  await until(() => outcomes(discord, "identify", "ready") === SHARDS)
  const presence = { op: 3, d: { since: null, activities: [], status: "idle", afk: false } }
  const guild = String(1n << 22n)
  await redis.xadd("SEND", "*", "data", JSON.stringify({ guild_id: guild, packet: presence }))
  await redis.xadd("0", "*", "data", JSON.stringify(presence))
  await until(() => discord.record.of("packet").filter(({ op }) => op === presence.op).length === 2)
  for (const stream of ["SEND", "0"]) {
    while ((await redis.xpending(stream, "gateway"))[0] !== 0) await Bun.sleep(5)
  }
})

test("#36 a Redis that is not there, or will not have us, ends the gateway with one sentence", async () => {
  const wrong = [
    [
      `redis://127.0.0.1:${server.port}/99`,
      /Cannot log in to Redis at redis:\/\/127\.0\.0\.1:\d+.*DB index.*redis\.url/,
    ],
    [`redis://bot:nope@127.0.0.1:${server.port}`, /Cannot log in to Redis at .*WRONGPASS.*redis\.url/],
  ] as const
  for (const [url, sentence] of wrong) {
    const gateway = await start({ REDIS_URL: url, SHARD_STORE_TYPE: "memory" })
    expect(await gateway.exited).toBe(1)
    const errors = await gateway.errors
    expect(errors).toMatch(sentence)
    expect(errors).not.toContain("    at ")
    expect(errors).not.toContain("nope")
  }
})
