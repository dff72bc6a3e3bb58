// What the leases of a large fleet cost Redis: the real ledger and its script, on a real server. An event is an exchange
// between a gateway and the ledger, its CPU time is Redis'; what the gateways' side costs is told beside it.

import { Redis } from "ioredis"
import { fencedSessions } from "../src/gateway/fleet/fenced-sessions.ts"
import { redisLedger } from "../src/gateway/fleet/redis-ledger.ts"
import { startRedisServer } from "../test/fixtures/redis-server.ts"
import { type Benchmark, type BenchmarkCase, measure, type Sample } from "./benchmark.ts"
import { cpuUsOf } from "./feed/process-cost.ts"
import { LeaseHolder } from "./scaling/lease-holder.ts"

const LEASE_MS = 10_000
/** Until then nobody may claim, in a ledger that is new. */
const FIRST_LEASE_MS = 200
const MEASURED_MS = 30_000
const SMOKE_MS = 500
const BEAT_ROUNDS = 50
const SESSION_ROUNDS = 5
const PREFIX = "gateway"
const SESSION = {
  ...{ shardCount: 16_000, sessionId: "0123456789abcdef0123456789abcdef", resumeFailures: 0 },
  resumeUrl: "wss://gateway-us-east1-b.discord.gg",
}

interface FleetSize {
  readonly shards: number
  readonly gateways: number
}

const LARGE: FleetSize = { shards: 1_000, gateways: 8 }
const HUGE: FleetSize = { shards: 16_000, gateways: 40 }
const SMOKE: FleetSize = { shards: 64, gateways: 4 }

/** What the fleet does while it is measured. */
type Doing = (fleet: RunningFleet, smoke: boolean) => Promise<number>

interface RunningFleet {
  readonly holders: readonly LeaseHolder[]
  readonly redisUrl: string
}

/** Of the ledger, before each gateway's beat. */
const NEWS: Readonly<Record<string, (fleet: RunningFleet) => void>> = {
  "a beat, nothing new": () => {},
  // Every beat after that of this one finds the ledger changed.
  "a beat, something new": ({ holders }) => holders[0]?.invite(),
  "a beat, all leases read": ({ holders }) => {
    for (const holder of holders) holder.forget()
  },
}

export const benchmark: Benchmark = {
  question: "What do the leases of many shards cost Redis?",
  cases: [
    ...Object.keys(NEWS).map((news) => trial(`1,000 shards: ${news}`, LARGE, beatsAfter(news))),
    ...Object.keys(NEWS).map((news) => trial(`16,000 shards: ${news}`, HUGE, beatsAfter(news))),
    trial("16,000 shards: a session stored", HUGE, storeSessions),
    trial("16,000 shards, 40 gateways, at rest", HUGE, rest),
  ],
}

function trial(name: string, size: FleetSize, doing: Doing): BenchmarkCase {
  const skipped = () => (Bun.which("redis-server") === null ? "Redis is not installed" : undefined)
  return { name, skipped, run: ({ smoke }) => runFleet(smoke ? SMOKE : size, smoke, doing) }
}

async function runFleet({ shards, gateways }: FleetSize, smoke: boolean, doing: Doing): Promise<Sample> {
  const server = await startRedisServer()
  const connect = () => new Redis(server.url, { protocol: 2 })
  const holders = Array.from({ length: gateways }, (_, index) => {
    const node = `gateway-${String(index).padStart(2, "0")}`
    const held = Array.from({ length: shards / gateways }, (_, place) => place * gateways + index)
    const ledger = { commands: connect(), subscriber: connect(), prefix: PREFIX, node }
    return new LeaseHolder({
      newLedger: () => redisLedger(ledger),
      node,
      shards: held,
      shardCount: shards,
      leaseMs: LEASE_MS,
    })
  })
  try {
    await holders[0]?.open(FIRST_LEASE_MS)
    for (const holder of holders) await holder.claim()
    const cpuUs = cpuUsOf(server.pid)
    const { events, cpuUs: ownUs, wallUs } = await measure(() => doing({ holders, redisUrl: server.url }, smoke))
    return { events, cpuUs: cpuUsOf(server.pid) - cpuUs, wallUs, besideUs: { gateways: ownUs } }
  } finally {
    await Promise.all(holders.map((holder) => holder.stop()))
    await server.stop()
  }
}

/** One after another, without a rest. */
function beatsAfter(news: string): Doing {
  return async (fleet, smoke) => {
    for (const holder of fleet.holders) await holder.beat()
    const rounds = smoke ? 1 : BEAT_ROUNDS
    for (let round = 0; round < rounds; round += 1) {
      NEWS[news]?.(fleet)
      for (const holder of fleet.holders) await holder.beat()
    }
    return (rounds + 1) * fleet.holders.length
  }
}

/** The session of each shard, of all gateways at once, as while events come. */
async function storeSessions({ holders, redisUrl }: RunningFleet, smoke: boolean): Promise<number> {
  const commands = new Redis(redisUrl, { protocol: 2 })
  const rounds = smoke ? 1 : SESSION_ROUNDS
  let stored = 0
  for (let round = 1; round <= rounds; round += 1) {
    for (const { node, held } of holders) {
      const under = fencedSessions({ commands, prefix: PREFIX, node, onUnreadable: () => {} })
      await Promise.all(
        held.map(({ shard, token }) =>
          under({ slot: shard, shard, count: SESSION.shardCount }, token).save([
            { ...SESSION, shard, sequence: round },
          ]),
        ),
      )
      stored += held.length
    }
  }
  commands.disconnect()
  return stored
}

/** In real time. */
async function rest({ holders }: RunningFleet, smoke: boolean): Promise<number> {
  for (const holder of holders) holder.start()
  const exchanges = () => holders.reduce((sum, holder) => sum + holder.exchanges, 0)
  const before = exchanges()
  await Bun.sleep(smoke ? SMOKE_MS : MEASURED_MS)
  return exchanges() - before
}
