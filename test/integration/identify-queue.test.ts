// Identify slots between real gateway processes over a real Redis, seen from a simulated Discord that enforces them.

import { afterEach, beforeEach, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { type GatewayProcess, startGatewayProcess } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { until } from "../fixtures/running-gateway.ts"

/** Discord's rule, and what the simulator allows for packets that are not equally fast. */
const LEAST_SPACING_MS = 5_000 - 100

let discord: Simulator
let redis: RedisServer
const processes: GatewayProcess[] = []

beforeEach(async () => {
  redis = await startRedisServer({ appendOnly: true })
})
afterEach(async () => {
  for (const gateway of processes.splice(0)) await gateway.stop()
  await discord.stop()
  await redis.stop()
})

async function start(shards: string): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess(discord, {
    DISCORD_SHARD_COUNT: "8",
    DISCORD_SHARD_IDS: shards,
    DISCORD_IDENTIFY_QUEUE: "redis",
    REDIS_URL: redis.url,
  })
  processes.push(gateway)
  void gateway.output.pipeTo(new WritableStream())
  return gateway
}

const identifies = () => discord.record.of("identify")
/** Between one identify of a key and the next, for each key. */
function spacings(maxConcurrency: number): number[] {
  return Array.from({ length: maxConcurrency }, (_, key) => {
    const times = identifies()
      .filter(({ shard }) => shard % maxConcurrency === key)
      .map(({ atMs }) => atMs)
    return times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0))
  }).flat()
}

test("#22 two processes in one key are serialised, and the place of one that is killed passes on", async () => {
  discord = await startSimulator({ shards: 8 })
  const [killed] = await Promise.all([start("1"), start("0"), start("3")])
  await discord.record.waitFor("identify", ({ shard }) => shard === 0)
  killed.signal("SIGKILL")
  await killed.exited
  await discord.record.waitFor("identify", ({ shard }) => shard === 3)
  expect(identifies().map(({ outcome }) => outcome)).not.toContain("too-soon")
  for (const ms of spacings(1)) expect(ms).toBeGreaterThanOrEqual(LEAST_SPACING_MS)
}, 120_000)

test("#22 #29 nobody identifies without Redis, nor too soon after it is back", async () => {
  discord = await startSimulator({ shards: 8, maxConcurrency: 2 })
  await Promise.all([start("0,2"), start("1,3")])
  await discord.record.waitFor("identify")
  await redis.kill()
  const before = identifies().length
  await redis.up()
  await until(() => new Set(identifies().map(({ shard }) => shard)).size === 4)
  expect(before).toBeLessThan(4)
  expect(identifies().map(({ outcome }) => outcome)).not.toContain("too-soon")
  for (const ms of spacings(2)) expect(ms).toBeGreaterThanOrEqual(LEAST_SPACING_MS)
}, 120_000)
