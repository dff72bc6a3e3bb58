// A bot is resharded under load: real gateway processes, a real Redis, a simulated Discord that gives both sets of sessions
// the same events. Short here; longer with SPECTACLES_LONG_TESTS.

import { afterEach, beforeEach, expect, test } from "bun:test"
import { isRunning } from "../../src/gateway/reshard/record.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { Chaos } from "../fixtures/chaos.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { newReshardClient, type ReshardClient } from "../fixtures/reshard-client.ts"
import { compareResharded, type ReshardedStreams } from "../fixtures/resharded-streams.ts"
import { EVENTS } from "../fixtures/running-gateway.ts"
import { seeded } from "../gateway/simulation/random.ts"

const LONG = process.env["SPECTACLES_LONG_TESTS"] !== undefined
const LEASE_MS = 1_500
/** Events a second of each old shard. */
const RATE = LONG ? 40 : 15
const SKEW = LONG ? "1s" : "500ms"
const TIMEOUT_MS = 600_000
const CHAOS_SECONDS = Number(process.env["SPECTACLES_CHAOS_SECONDS"] ?? 120)
const SEED = Number(process.env["SPECTACLES_CHAOS_SEED"] ?? 1)
const ARRIVE_WITHIN_MS = 60_000
const POLL_MS = 100

let server: RedisServer
let discord: Simulator
let fleet: FleetUnderTest
let reshards: ReshardClient

beforeEach(async () => {
  // What it has confirmed it still has after a kill.
  server = await startRedisServer({ appendOnly: true })
})

afterEach(async () => {
  await reshards.close()
  await fleet.stop()
  await discord.stop()
  await server.stop()
}, TIMEOUT_MS)

async function start(shards: number, processes: number): Promise<void> {
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 96, shards, maxConcurrency: 16, replayEvents: 1_000_000 },
    ...{ rate: RATE, recordEntries: 10_000_000 },
  })
  const settings = { DISCORD_SHARD_RESHARD_SKEW: SKEW }
  fleet = new FleetUnderTest({ discord, redisUrl: server.url, shards, leaseMs: LEASE_MS, settings })
  reshards = newReshardClient(server.url)
  for (let i = 0; i < processes; i += 1) await fleet.start()
  if (processes > 0) await fleet.balanced(processes)
}

const identifies = () => discord.record.of("identify").filter(({ outcome }) => outcome === "ready").length

/** Traffic ends, and everything is published: what is not there after so long is not on its way any more. */
async function compare(): Promise<ReshardedStreams> {
  discord.setRate(0)
  const untilMs = Date.now() + ARRIVE_WITHIN_MS
  while (true) {
    const compared = await compareResharded(discord, server.url, EVENTS)
    if (compared.missing.length === 0 || Date.now() > untilMs) return compared
    await Bun.sleep(POLL_MS)
  }
}

test(
  "8 shards become 16, and these 12, under load: every event once, in the order of its guild",
  async () => {
    await start(8, 3)
    await reshards.run(8, 16)
    await reshards.run(16, 12)
    const { problems, missing, events, again, twice } = await compare()
    expect({ problems, missing, again, twice }).toEqual({ problems: [], missing: [], again: 0, twice: 0 })
    expect(events).toBeGreaterThan(0)
    expect(identifies()).toBe(8 + 16 + 12)
  },
  TIMEOUT_MS,
)

test(
  "a reshard survives every one of its processes, and a restart of Redis: nothing is lost, and nothing comes under two ids",
  async () => {
    const [from, to, processes] = LONG ? [16, 32, 4] : [4, 8, 2]
    await start(from, processes)
    await reshards.begin(from, to)
    await reshards.reached(({ live }) => live.length >= 1)
    await replace()
    await reshards.reached(({ phase }) => phase === "cutting")
    await replace()
    await server.kill()
    await server.up()
    await reshards.reached(({ cut, phase }) => phase !== "cutting" || cut.length >= 1)
    for (let i = 2; i < processes; i += 1) await replace()
    await reshards.reached(({ phase }) => phase === "done")
    const { problems, missing, twice } = await compare()
    expect({ problems, missing, twice }).toEqual({ problems: [], missing: [], twice: 0 })
  },
  TIMEOUT_MS,
)

test(
  "a reshard that is undone half way brings every guild back: every event once, in the order of its guild",
  async () => {
    const [from, to] = LONG ? [12, 32] : [4, 12]
    await start(from, LONG ? 3 : 1)
    await reshards.begin(from, to)
    await reshards.reached(({ cut }) => cut.length >= to / 4)
    await reshards.undo()
    await reshards.reached(({ phase }) => phase === "undone")
    const { problems, missing, again, twice } = await compare()
    expect({ problems, missing, again, twice }).toEqual({ problems: [], missing: [], again: 0, twice: 0 })
    // The old set was there all the time.
    expect(identifies()).toBe(from + to)
    expect((await fleet.stored()).every((sequence) => sequence > 0)).toBe(true)
  },
  TIMEOUT_MS,
)

test.skipIf(!LONG)(
  `#27 #32 #33 #34 reshards in ${CHAOS_SECONDS} s of chaos, seed ${SEED}: nothing is lost, and nothing comes under two ids`,
  async () => {
    await start(8, 0)
    const random = seeded(SEED)
    const redis = {
      async restart(awayMs: number) {
        await server.kill()
        await Bun.sleep(awayMs)
        await server.up()
      },
      async hang(forMs: number) {
        server.pause()
        await Bun.sleep(forMs)
        server.resume()
      },
    }
    const chaos = new Chaos({ fleet, redis, random, leaseMs: LEASE_MS })
    for (let i = 0; i < 3; i += 1) await chaos.start()
    await fleet.balanced(3)
    const endMs = Date.now() + CHAOS_SECONDS * 1_000
    let count = 8
    let isStirring = true
    const stirring = (async () => {
      while (isStirring) {
        await Bun.sleep(random.between(0.5, 3) * LEASE_MS)
        await chaos.act()
      }
    })()
    const story: string[] = []
    while (Date.now() < endMs) {
      const next = random.pick([8, 12, 16, 24].filter((one) => one !== count))
      await reshards.begin(count, next)
      const undoAt = random.chance(0.3) ? random.int(next) : Number.POSITIVE_INFINITY
      const { cut } = await reshards.reached((it) => !isRunning(it) || it.cut.length >= undoAt)
      if (cut.length >= undoAt) await reshards.undo()
      const { phase } = await reshards.reached((it) => !isRunning(it))
      story.push(`${count} to ${next}: ${phase}`)
      if (phase === "done") count = next
    }
    isStirring = false
    await stirring
    await chaos.end()
    const { problems, missing, twice } = await compare()
    expect({ problems, missing, twice }, [...story, ...chaos.story].join("; ")).toEqual({
      ...{ problems: [], missing: [], twice: 0 },
    })
  },
  TIMEOUT_MS + CHAOS_SECONDS * 1_000,
)

/** The oldest process is killed, and another comes in its place. */
async function replace(): Promise<void> {
  const [oldest] = fleet.processes.splice(0, 1)
  oldest?.signal("SIGKILL")
  await oldest?.stop()
  await fleet.start()
}
