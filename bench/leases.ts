// What the leases of a large fleet cost Redis: the real ledger and its script, on a real server. An event is an exchange
// between a gateway and the ledger, its CPU time is Redis'; what the gateways' side costs is told beside it.

import { Redis } from "ioredis"
import { redisLedger } from "../src/gateway/fleet/redis-ledger.ts"
import { startRedisServer } from "../test/fixtures/redis-server.ts"
import type { Benchmark, BenchmarkCase, Sample } from "./benchmark.ts"
import { cpuUsOf } from "./feed/process-cost.ts"
import { LeaseHolder } from "./scaling/lease-holder.ts"

const LEASE_MS = 10_000
/** Until then nobody may claim, in a ledger that is new. */
const FIRST_LEASE_MS = 200
const MEASURED_MS = 30_000
const SMOKE_MS = 500
/** A new session's shards go live in rounds of Discord's identify window. */
const ROUND_MS = 5_250
const SMOKE_ROUND_MS = 100
const MAX_CONCURRENCY = 16

interface FleetSize {
  readonly shards: number
  readonly gateways: number
}

const LARGE: FleetSize = { shards: 1_000, gateways: 8 }
const HUGE: FleetSize = { shards: 16_000, gateways: 40 }
const SMOKE: FleetSize = { shards: 64, gateways: 4 }

const redis: Pick<BenchmarkCase, "skipped"> = {
  skipped: () => (Bun.which("redis-server") === null ? "Redis is not installed" : undefined),
}

export const benchmark: Benchmark = {
  question: "What do the leases of many shards cost Redis?",
  cases: [
    { ...redis, name: "1,000 shards, 8 gateways, at rest", run: ({ smoke }) => runFleet(LARGE, smoke, 0) },
    {
      ...redis,
      name: "1,000 shards, 8 gateways, first start",
      run: ({ smoke }) => runFleet(LARGE, smoke, MAX_CONCURRENCY),
    },
    { ...redis, name: "16,000 shards, 40 gateways, at rest", run: ({ smoke }) => runFleet(HUGE, smoke, 0) },
    {
      ...redis,
      name: "16,000 shards, 40 gateways, first start",
      run: ({ smoke }) => runFleet(HUGE, smoke, MAX_CONCURRENCY),
    },
  ],
}

/** @param live shards that go live in each round, on a gateway each */
async function runFleet(size: FleetSize, smoke: boolean, live: number): Promise<Sample> {
  const { shards, gateways } = smoke ? SMOKE : size
  const server = await startRedisServer()
  const connect = () => new Redis(server.url, { protocol: 2 })
  const holders = Array.from({ length: gateways }, (_, index) => {
    const node = `gateway-${String(index).padStart(2, "0")}`
    const held = Array.from({ length: shards / gateways }, (_, place) => place * gateways + index)
    const ledger = redisLedger({ commands: connect(), subscriber: connect(), prefix: "gateway", node })
    return new LeaseHolder({ ledger, node, shards: held, shardCount: shards, leaseMs: LEASE_MS })
  })
  try {
    await holders[0]?.open(FIRST_LEASE_MS)
    for (const holder of holders) await holder.claim()
    for (const holder of holders) holder.start()
    return await measureRedis(server.pid, holders, async () => {
      let next = 0
      const rounds = setInterval(
        () => {
          for (let i = 0; i < live; i += 1, next += 1) holders[next % holders.length]?.wentLive()
        },
        smoke ? SMOKE_ROUND_MS : ROUND_MS,
      )
      await Bun.sleep(smoke ? SMOKE_MS : MEASURED_MS)
      clearInterval(rounds)
    })
  } finally {
    await Promise.all(holders.map((holder) => holder.stop()))
    await server.stop()
  }
}

async function measureRedis(pid: number, holders: readonly LeaseHolder[], work: () => Promise<void>): Promise<Sample> {
  const exchanges = () => holders.reduce((sum, holder) => sum + holder.exchanges, 0)
  const before = { exchanges: exchanges(), cpuUs: cpuUsOf(pid), startedMs: performance.now(), own: process.cpuUsage() }
  await work()
  const { user, system } = process.cpuUsage(before.own)
  return {
    events: exchanges() - before.exchanges,
    cpuUs: cpuUsOf(pid) - before.cpuUs,
    wallUs: (performance.now() - before.startedMs) * 1_000,
    besideUs: { gateways: user + system },
  }
}
