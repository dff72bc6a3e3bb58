// A reshard that cannot go on (Discord refuses the new shards, the day's identifies are used up, Redis forgets it), and what is
// left of one after a restart of all.

import { afterEach, beforeEach, expect, test } from "bun:test"
import { type ShardSet, slotsOf } from "../../src/gateway/shard-set.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { streamIds } from "../fixtures/redis-streams.ts"
import { newReshardClient, type ReshardClient } from "../fixtures/reshard-client.ts"
import { EVENTS, until } from "../fixtures/running-gateway.ts"

const SHARDS = 2
const TIMEOUT_MS = 120_000
const POLL_MS = 50

let server: RedisServer
let discord: Simulator
let fleet: FleetUnderTest
let reshards: ReshardClient

beforeEach(async () => {
  server = await startRedisServer()
})

afterEach(async () => {
  await reshards.close()
  await fleet.stop()
  await discord.stop()
  await server.stop()
}, TIMEOUT_MS)

async function start(identifiesPerDay: number, skew = "400ms"): Promise<void> {
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 16, shards: SHARDS, maxConcurrency: 16, rate: 20, replayEvents: 1_000_000 },
    identifiesPerDay,
  })
  const settings = { DISCORD_SHARD_RESHARD_SKEW: skew, DISCORD_IDENTIFY_RESERVE: "1" }
  fleet = new FleetUnderTest({ discord, redisUrl: server.url, shards: SHARDS, leaseMs: 1_500, settings })
  reshards = newReshardClient(server.url)
  await fleet.start()
  await fleet.start()
  await fleet.balanced(2)
}

const connected = (count: number) =>
  discord.sessions().filter((session) => session.connected && session.shardCount === count).length

/** The bot's shards serve, with the sessions that they began with. */
async function oldSetServes(identifies: number): Promise<void> {
  await until(() => connected(SHARDS) === SHARDS)
  expect(discord.record.of("identify").filter(({ outcome }) => outcome === "ready")).toHaveLength(identifies)
  const before = await published()
  while ((await published()) <= before) await Bun.sleep(POLL_MS)
}

async function published(): Promise<number> {
  return [...(await streamIds(server.url, EVENTS)).values()].reduce((sum, ids) => sum + ids.length, 0)
}

test(
  "Discord refuses the new count: the reshard is undone, and the gateways go on with the old set",
  async () => {
    await start(1_000)
    discord.inject({ type: "close", on: "identify", code: 4011, times: "always" })
    await reshards.begin(SHARDS, 4)
    const { reason } = await reshards.reached(({ phase }) => phase === "undone")
    expect(reason).toContain("too many guilds")
    expect(connected(4)).toBe(0)
    await oldSetServes(SHARDS)
    expect((await fleet.owned()).byNode.size).toBe(2)
  },
  TIMEOUT_MS,
)

test(
  "the day's identifies are used up: it waits while the old set serves, and can be undone",
  async () => {
    await start(7)
    await reshards.begin(SHARDS, 8)
    // Of seven, two are the old set's, one is the reserve, and one is for the old set again.
    await reshards.reached(({ live }) => live.length === 3)
    await oldSetServes(SHARDS + 3)
    await reshards.undo()
    await reshards.reached(({ phase }) => phase === "undone")
    await until(() => connected(8) === 0)
    await oldSetServes(SHARDS + 3)
  },
  TIMEOUT_MS,
)

test(
  "Redis forgets everything while guilds change hands: the old set goes on alone",
  async () => {
    await start(1_000, "10s")
    await reshards.begin(SHARDS, 4)
    await reshards.reached(({ phase }) => phase === "cutting")
    await fleet.redis.flushall()
    await until(() => connected(4) === 0)
    await oldSetServes(SHARDS + 4)
  },
  TIMEOUT_MS,
)

test(
  "after a reshard a restart of all resumes the new shards, whatever of both counts the configuration says; a third begins anew",
  async () => {
    await start(1_000)
    // What shards.count says in the fleet that is resharded here.
    await stopAll()
    await fleet.start({ DISCORD_SHARD_COUNT: String(SHARDS) })
    await fleet.balanced(1)
    await reshards.run(SHARDS, 4, SHARDS)
    const identifies = () => discord.record.of("identify").filter(({ outcome }) => outcome === "ready").length
    expect(identifies()).toBe(SHARDS + 4)
    for (const count of [SHARDS, 4, 0]) {
      await stopAll()
      await fleet.start({ DISCORD_SHARD_COUNT: String(count) })
      await until(() => connected(4) === 4)
      await shows({ firstSlot: SHARDS, count: 4 })
    }
    expect(identifies()).toBe(SHARDS + 4)
    await stopAll()
    await fleet.start({ DISCORD_SHARD_COUNT: "3" })
    await until(() => connected(3) === 3)
    await shows({ firstSlot: 0, count: 3 })
    expect(identifies()).toBe(SHARDS + 4 + 3)
  },
  TIMEOUT_MS,
)

async function stopAll(): Promise<void> {
  for (const gateway of fleet.processes.splice(0)) {
    gateway.signal("SIGTERM")
    await gateway.exited
    await gateway.stop()
  }
}

/** Every slot of the set has an owner, and no other one has. */
async function shows({ firstSlot, count }: ShardSet): Promise<void> {
  const slots = slotsOf({ firstSlot, count })
  while (true) {
    const { byNode } = await fleet.owned()
    const owned = [...byNode.values()].flat().sort((a, b) => a - b)
    if (owned.join() === slots.join()) return
    await Bun.sleep(POLL_MS)
  }
}
