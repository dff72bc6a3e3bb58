// Gateways that share a bot's shards: real processes, a real Redis, a simulated Discord.

import { afterEach, beforeEach, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { repeatedSince, streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS, outcomes, until } from "../fixtures/running-gateway.ts"

const SHARDS = 8
const LEASE_MS = 1_500
const RATE = 50
const PILE_UP_MS = 300
const TIMEOUT_MS = 120_000

let discord: Simulator
let server: RedisServer
let fleet: FleetUnderTest

beforeEach(async () => {
  server = await startRedisServer()
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 32, shards: SHARDS, maxConcurrency: SHARDS, rate: RATE, replayEvents: 1_000_000 },
  })
  fleet = new FleetUnderTest({ discord, redisUrl: server.url, shards: SHARDS, leaseMs: LEASE_MS })
})

afterEach(async () => {
  await fleet.stop()
  await discord.stop()
  await server.stop()
})

test(
  "a second process takes half of the shards by resume: no identify, no event lost",
  async () => {
    await fleet.start()
    await fleet.balanced(1)
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
    await fleet.start()
    await fleet.balanced(2)
    expect(await fleet.problems(server.url)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
    expect(outcomes(discord, "resume", "resumed")).toBe(SHARDS / 2)
  },
  TIMEOUT_MS,
)

test(
  "packets for a shard or a guild reach Discord from whichever process runs the shard by then",
  async () => {
    discord.setRate(0)
    await fleet.start()
    await fleet.balanced(1)
    await fleet.start()
    await fleet.balanced(2)
    const presence = { op: 3, d: { since: null, activities: [], status: "idle", afk: false } }
    const all = Array.from({ length: SHARDS }, (_, shard) => shard)
    const got = () => discord.record.of("packet").filter(({ op }) => op === presence.op)
    for (const shard of all) await fleet.redis.xadd(String(shard), "*", "data", JSON.stringify(presence))
    await until(() => new Set(got().map(({ shard }) => shard)).size === SHARDS)
    for (const shard of all) {
      const packet = { guild_id: String(BigInt(shard) << 22n), packet: presence }
      await fleet.redis.xadd("SEND", "*", "data", JSON.stringify(packet))
    }
    await until(() => got().length === 2 * SHARDS)
  },
  TIMEOUT_MS,
)

test(
  "#32 an orderly stop hands every shard over at once",
  async () => {
    await fleet.start()
    const leaver = await fleet.start()
    await fleet.balanced(2)
    const resumes = outcomes(discord, "resume", "resumed")
    leaver.signal("SIGTERM")
    expect(await leaver.exited).toBe(0)
    await fleet.balanced(1)
    expect(await fleet.problems(server.url)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
    expect(outcomes(discord, "resume", "resumed") - resumes).toBe(SHARDS / 2)
  },
  TIMEOUT_MS,
)

test(
  "#32 SIGTERM while Redis hangs ends within the deadline; others take the shards once the lease has passed",
  async () => {
    await fleet.start()
    const leaver = await fleet.start({ SHUTDOWN_TIMEOUT: "1s" })
    await fleet.balanced(2)
    server.pause()
    leaver.signal("SIGTERM")
    expect(await leaver.exited).toBe(0)
    server.resume()
    await fleet.balanced(1)
    expect(await fleet.problems(server.url)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
  },
  TIMEOUT_MS,
)

test(
  "a process whose configuration names no count runs as many shards as those that it joins",
  async () => {
    await fleet.start({ DISCORD_SHARD_COUNT: "4" })
    while ((await fleet.owned()).byNode.size === 0) await Bun.sleep(20)
    await fleet.start()
    while ((await fleet.owned()).byNode.size < 2) await Bun.sleep(20)
    const { byNode } = await fleet.owned()
    expect([...byNode.values()].flat().sort()).toEqual([0, 1, 2, 3])
    const other = await fleet.start({ DISCORD_SHARD_COUNT: "6" })
    expect(await other.exited).toBe(1)
    expect(await other.errors).toContain("they run 4 shards and shards.count says 6")
  },
  TIMEOUT_MS,
)

test(
  "#33 a killed process's shards are taken over once its lease has passed",
  async () => {
    await fleet.start()
    const killed = await fleet.start()
    await fleet.balanced(2)
    killed.signal("SIGKILL")
    await killed.exited
    await fleet.balanced(1)
    expect(await fleet.problems(server.url)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
  },
  TIMEOUT_MS,
)

test(
  "#34 a process that was paused past its lease wakes up: it changes nothing, lets go, and joins again",
  async () => {
    const awake = await fleet.start()
    const paused = await fleet.start()
    await fleet.balanced(2)
    const resumes = outcomes(discord, "resume", "resumed")
    // Events are piling up in it, and it has more to write as soon as it wakes up.
    server.pause()
    await Bun.sleep(PILE_UP_MS)
    paused.signal("SIGSTOP")
    server.resume()
    await fleet.balanced(1)
    await until(() => outcomes(discord, "resume", "resumed") === resumes + SHARDS / 2)
    // What was confirmed and not yet stored is replayed, and stands there twice rightly.
    discord.setRate(0)
    await fleet.storedAll()
    const before = await streamIds(server.url, EVENTS)
    discord.setRate(RATE)
    paused.signal("SIGCONT")
    await fleet.balanced(2)
    expect(await fleet.problems(server.url)).toEqual([])
    // What it had read and not written when it was paused would stand there twice.
    expect(await repeatedSince(server.url, before)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
    // Half of them go back by hand-over; the one that woke up resumed nothing on its own.
    expect(outcomes(discord, "resume", "resumed")).toBe(resumes + SHARDS)
    expect(outcomes(discord, "resume", "invalid")).toBe(0)
    for (const gateway of [awake, paused]) {
      gateway.signal("SIGTERM")
      expect(await gateway.exited).toBe(0)
    }
  },
  TIMEOUT_MS,
)
