// What a gateway had sent to Redis before its network was cut, and what arrives when TCP tries again: after it has handed its
// shards over.

import { afterEach, beforeEach, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type LateLink, startLateLink } from "../fixtures/late-link.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS, until } from "../fixtures/running-gateway.ts"

const SHARDS = 2
const LEASE_MS = 2_000
const TIMEOUT_MS = 120_000
/** So late that another process comes before. */
const RESUMED_AFTER_MS = 8_000
const POLL_MS = 20

let server: RedisServer
let link: LateLink
let discord: Simulator
let fleet: FleetUnderTest

beforeEach(async () => {
  server = await startRedisServer()
  link = await startLateLink(server.port)
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 8, shards: SHARDS, maxConcurrency: SHARDS, rate: 20, replayEvents: 1_000_000 },
  })
  fleet = new FleetUnderTest({ discord, redisUrl: server.url, shards: SHARDS, leaseMs: LEASE_MS })
})

afterEach(async () => {
  await fleet.stop()
  await discord.stop()
  link.stop()
  await server.stop()
}, TIMEOUT_MS)

/** Every entry of a session, stream by stream. */
async function published(session: string): Promise<readonly string[]> {
  return [...(await streamIds(server.url, EVENTS)).values()].flat().filter((id) => id.startsWith(`${session}:`))
}

/** The first shard that is not that process's any more. */
async function handedOver(from: string | undefined): Promise<number> {
  while (true) {
    for (const [owner, [shard]] of (await fleet.owned()).byNode) if (owner !== from && shard !== undefined) return shard
    await Bun.sleep(POLL_MS)
  }
}

test(
  "#34 a process that was cut off hands a shard over that it has only just taken up again: what it had sent before is not written",
  async () => {
    const first = await fleet.start({ REDIS_URL: `redis://127.0.0.1:${link.port}` })
    await fleet.balanced(1)
    const [name] = (await fleet.owned()).byNode.keys()
    discord.inject({ type: "delay", on: "resume", delayMs: RESUMED_AFTER_MS, times: SHARDS })
    link.hold()
    await until(() => first.saidLast().includes("the lease could not be renewed in time"))
    link.mend()
    // It is in the ledger still, since nobody else is there to miss it; of Discord's replay it has nothing yet.
    await discord.record.waitFor("resume")
    await fleet.start()
    const shardId = await handedOver(name)
    discord.setRate(0)
    const moved = discord.sessions().find(({ shard }) => shard === shardId)
    if (moved === undefined) throw new Error("no shard was handed over")
    while (((await fleet.stored())[moved.shard] ?? 0) < moved.sequence) await Bun.sleep(POLL_MS)
    const before = await published(moved.id)
    await link.release()
    expect(await fleet.problems(server.url)).toEqual([])
    expect(await published(moved.id)).toEqual(before)
  },
  TIMEOUT_MS,
)
