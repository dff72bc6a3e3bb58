// A fleet under random trouble: real gateway processes, a real Redis, a simulated Discord at a steady rate. Short here; as
// long as wanted by `bun run chaos [seconds] [seed]`.

import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { Chaos } from "../fixtures/chaos.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS, missingAmong, until } from "../fixtures/running-gateway.ts"
import { seeded } from "../gateway/simulation/random.ts"

const SECONDS = Number(process.env["SPECTACLES_CHAOS_SECONDS"] ?? 25)
const SEED = Number(process.env["SPECTACLES_CHAOS_SEED"] ?? 1)
const SHARDS = 32
const LEASE_MS = 2_000
/** Events a second of each shard. */
const RATE = 10
/** For starting, and for coming to rest. */
const MARGIN_MS = 180_000
const PROCESSES = 3

let discord: Simulator
let server: RedisServer
let fleet: FleetUnderTest

beforeAll(async () => {
  // What Redis has confirmed it still has after a kill.
  server = await startRedisServer({ appendOnly: true })
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 64, shards: SHARDS, maxConcurrency: SHARDS, replayEvents: 1_000_000 },
    ...{ rate: RATE, recordEntries: 10_000_000 },
  })
  fleet = new FleetUnderTest({ discord, redisUrl: server.url, shards: SHARDS, leaseMs: LEASE_MS })
})

afterAll(async () => {
  await fleet.stop()
  await discord.stop()
  await server.stop()
})

test(
  `#27 #32 #33 #34 ${SECONDS} s of chaos, seed ${SEED}: no event lost, no identify too many, no session torn from who serves it`,
  async () => {
    const random = seeded(SEED)
    const chaos = new Chaos({ fleet, server, random, leaseMs: LEASE_MS })
    for (let i = 0; i < PROCESSES; i += 1) await chaos.start()
    await fleet.balanced(PROCESSES)
    const endMs = Date.now() + SECONDS * 1_000
    while (Date.now() < endMs) {
      await Bun.sleep(random.between(0.2, 1.2) * LEASE_MS)
      await chaos.act()
    }
    const { processes, exits } = await chaos.end()
    const story = chaos.story.join(", ")
    await fleet.balanced(processes)
    discord.setRate(0)
    await until(() => discord.sessions().every(({ connected }) => connected))
    await fleet.storedAll()
    const ids = await streamIds(server.url, EVENTS)
    expect([story, missingAmong(discord, (event) => ids.get(event) ?? [])]).toEqual([story, []])
    const identifies = discord.record.of("identify").map(({ outcome }) => outcome)
    expect(identifies).toEqual(Array.from({ length: SHARDS }, () => "ready"))
    const resumes = new Set(discord.record.of("resume").map(({ outcome }) => outcome))
    expect([story, [...resumes]]).toEqual([story, ["resumed"]])
    expect([story, torn(chaos)]).toEqual([story, []])
    expect(exits).toEqual(exits.map(() => 0))
  },
  SECONDS * 1_000 + MARGIN_MS,
)

/** Sessions that were resumed while a process that was awake still had them. */
function torn({ pauses }: Chaos): readonly string[] {
  return discord.record
    .of("close")
    .filter(({ reason }) => reason === "The session was resumed elsewhere.")
    .filter(({ atMs }) => !pauses.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs + LEASE_MS))
    .map(({ shard, atMs }) => `shard ${shard} at ${atMs}`)
}
