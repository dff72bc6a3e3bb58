// What a restart of every gateway, one after another, costs while events come at a steady rate: the delay from Discord's
// dispatch to the entry in Redis. Redis, three gateways and the simulator share this machine; the delay is of first entries.

import { Redis } from "ioredis"
import { startSimulator } from "../src/simulator/start.ts"
import { FleetUnderTest } from "../test/fixtures/fleet.ts"
import { type GatewayProcess, TOKEN } from "../test/fixtures/gateway-process.ts"
import { startRedisServer } from "../test/fixtures/redis-server.ts"
import type { Benchmark, BenchmarkCase, Sample } from "./benchmark.ts"

const SHARDS = 16
const GATEWAYS = 3
const EVENT = "MESSAGE_CREATE"
/** Of the whole bot, once a tick an event for each shard. */
const TICK_MS = 20
const LEASE_MS = 2_000
const CALM_MS = 10_000
const SMOKE_CALM_MS = 1_000
/** Between two restarts. */
const BETWEEN_MS = 1_000

export const benchmark: Benchmark = {
  question: "How long are events on their way while every gateway is restarted?",
  cases: [
    trial("three gateways, none is restarted", async (_fleet, { smoke }) => Bun.sleep(smoke ? SMOKE_CALM_MS : CALM_MS)),
    trial("each stopped in turn, and another started before", async (fleet, { processes, smoke }) => {
      for (const old of smoke ? processes.slice(0, 1) : processes) {
        await fleet.start()
        await fleet.balanced(GATEWAYS + 1)
        await stopped(old)
        await fleet.balanced(GATEWAYS)
        await Bun.sleep(BETWEEN_MS)
      }
    }),
    trial("each stopped in turn, then another started", async (fleet, { processes, smoke }) => {
      for (const old of smoke ? processes.slice(0, 1) : processes) {
        await stopped(old)
        await fleet.start()
        await fleet.balanced(GATEWAYS)
        await Bun.sleep(BETWEEN_MS)
      }
    }),
    trial("one is killed", async (fleet, { processes }) => {
      processes[0]?.signal("SIGKILL")
      await fleet.balanced(GATEWAYS - 1)
      await Bun.sleep(BETWEEN_MS)
    }),
  ],
}

async function stopped(gateway: GatewayProcess): Promise<void> {
  gateway.signal("SIGTERM")
  await gateway.exited
}

interface During {
  readonly processes: readonly GatewayProcess[]
  readonly smoke: boolean
}

function trial(name: string, happen: (fleet: FleetUnderTest, during: During) => Promise<void>): BenchmarkCase {
  return { name, run: ({ smoke }) => measureDelay(smoke, happen) }
}

async function measureDelay(smoke: boolean, happen: (fleet: FleetUnderTest, during: During) => Promise<void>) {
  const server = await startRedisServer()
  const discord = await startSimulator({
    ...{ token: TOKEN, guilds: SHARDS, shards: SHARDS, maxConcurrency: SHARDS, rate: 0, replayEvents: 1_000_000 },
  })
  const settings = { BROKER_FORMAT: "json", DISCORD_EVENTS: EVENT }
  const fleet = new FleetUnderTest({ discord, redisUrl: server.url, shards: SHARDS, leaseMs: LEASE_MS, settings })
  try {
    for (let i = 0; i < GATEWAYS; i += 1) await fleet.start()
    await fleet.balanced(GATEWAYS)
    const identifies = discord.record.of("identify").length
    let sent = 0
    const ticking = setInterval(() => {
      for (let shard = 0; shard < SHARDS; shard += 1) {
        discord.dispatch(shard, EVENT, { id: String(sent), guild_id: "1", content: String(Date.now()) })
        sent += 1
      }
    }, TICK_MS)
    const startedMs = performance.now()
    await happen(fleet, { processes: [...fleet.processes], smoke })
    clearInterval(ticking)
    await fleet.storedAll()
    const wallUs = (performance.now() - startedMs) * 1_000
    const extra = discord.record.of("identify").length - identifies
    if (extra > 0) throw new Error(`${extra} shards identified where each should have resumed`)
    return sampleOf(await delaysMs(server.url), sent, wallUs)
  } finally {
    await fleet.stop()
    await discord.stop()
    await server.stop()
  }
}

/** Of each event's first entry: the entry's id is Redis' clock, which is this machine's. */
async function delaysMs(url: string): Promise<number[]> {
  const redis = new Redis(url, { protocol: 2 })
  const delays = new Map<string, number>()
  for (const [id, fields] of await redis.xrange(EVENT, "-", "+")) {
    const { id: event, content } = JSON.parse(fields[fields.indexOf("data") + 1] ?? "{}")
    if (!delays.has(event)) delays.set(event, Number(id.split("-")[0]) - Number(content))
  }
  redis.disconnect()
  return [...delays.values()].sort((a, b) => a - b)
}

function sampleOf(sortedMs: readonly number[], sent: number, wallUs: number): Sample {
  if (sortedMs.length !== sent) throw new Error(`${sent} events were sent and ${sortedMs.length} arrived`)
  const at = (share: number) =>
    (sortedMs[Math.min(sortedMs.length - 1, Math.floor(sortedMs.length * share))] ?? 0) * 1_000
  return { events: sent, cpuUs: 0, wallUs, latencyUs: [at(0.5), at(0.99), at(0.999)] }
}
