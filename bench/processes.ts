// Would workers be worth a setting? Eight shards in one gateway process, in two with half of them each, and in one whose
// halves run in two workers. The simulator and Redis share the machine's cores with them; what they cost is told beside it.

import { join } from "node:path"
import { startRedisServer } from "../test/fixtures/redis-server.ts"
import type { Benchmark, BenchmarkCase, Sample } from "./benchmark.ts"
import { measureBursts } from "./feed/bursts.ts"
import { type Feed, startFeed } from "./feed/feed.ts"
import { type LineProcess, startLineProcess } from "./feed/line-process.ts"
import { cpuUsOf } from "./feed/process-cost.ts"
import type { Part } from "./processes/part.ts"

const COUNT = 8
const ALL = [0, 1, 2, 3, 4, 5, 6, 7]
const HALVES = [ALL.slice(0, COUNT / 2), ALL.slice(COUNT / 2)]

/** Processes, the parts of each, the shards of each part. */
type Layout = readonly (readonly (readonly number[])[])[]
const ONE_PROCESS: Layout = [[ALL]]
const TWO_PROCESSES: Layout = HALVES.map((half) => [half])
const TWO_WORKERS: Layout = [HALVES]

const redis: Pick<BenchmarkCase, "skipped"> = {
  skipped: () => (Bun.which("redis-server") === null ? "Redis is not installed" : undefined),
}

export const benchmark: Benchmark = {
  question: "What do two cores make of eight shards: in one process, in two, in two workers of one?",
  cases: [
    { name: "sink: one process", run: ({ smoke }) => runLayout(ONE_PROCESS, smoke, false) },
    { name: "sink: two processes", run: ({ smoke }) => runLayout(TWO_PROCESSES, smoke, false) },
    { name: "sink: two workers", run: ({ smoke }) => runLayout(TWO_WORKERS, smoke, false) },
    { ...redis, name: "Redis: one process", run: ({ smoke }) => runLayout(ONE_PROCESS, smoke, true) },
    { ...redis, name: "Redis: two processes", run: ({ smoke }) => runLayout(TWO_PROCESSES, smoke, true) },
    { ...redis, name: "Redis: two workers", run: ({ smoke }) => runLayout(TWO_WORKERS, smoke, true) },
  ],
  // They hold where processes do as well as workers.
  ratios: [
    { of: "sink: two processes", to: "sink: two workers", atMost: 1.05 },
    { of: "sink: two processes", to: "sink: two workers", rateAtLeast: 0.95 },
    { of: "Redis: two processes", to: "Redis: two workers", atMost: 1.05 },
    { of: "Redis: two processes", to: "Redis: two workers", rateAtLeast: 0.95 },
  ],
}

async function runLayout(layout: Layout, smoke: boolean, isRedis: boolean): Promise<Sample> {
  const [server, feed] = await Promise.all([isRedis ? startRedisServer() : null, startFeed(COUNT)])
  const gateways = layout.map((parts) => startGatewayProcess(feed.host, server?.url ?? "", parts))
  const others = { simulator: feed.pid, ...(server === null ? {} : { Redis: server.pid }) }
  try {
    for (const gateway of gateways) await gateway.hear()
    return await measureBursts(smoke, async (events) => {
      const each = Math.ceil(events / COUNT)
      const send = await feed.prepare(each)
      return () => measureBurst(gateways, each, { send, sharesOf: layout }, others)
    })
  } finally {
    for (const gateway of gateways) await gateway.stop()
    await feed.stop()
    await server?.stop()
  }
}

function startGatewayProcess(host: string, redisUrl: string, shardsOfParts: Layout[number]): LineProcess {
  const parts: readonly Part[] = shardsOfParts.map((ids) => ({ host, redisUrl, shards: { ids, count: COUNT } }))
  return startLineProcess([process.execPath, join(import.meta.dir, "processes", "gateway.ts"), JSON.stringify(parts)])
}

interface Burst {
  readonly send: Awaited<ReturnType<Feed["prepare"]>>
  readonly sharesOf: Layout
}

/** @param each events of each shard @param others processes by their name */
async function measureBurst(
  gateways: readonly LineProcess[],
  each: number,
  { send, sharesOf }: Burst,
  others: Readonly<Record<string, number>>,
): Promise<Sample> {
  for (const [index, gateway] of gateways.entries()) {
    // All parts are of one size.
    gateway.say({ events: each * (sharesOf[index]?.[0]?.length ?? 0) })
    await gateway.hear()
  }
  const before = Object.entries(others).map(([name, pid]) => [name, pid, cpuUsOf(pid)] as const)
  const started = performance.now()
  send()
  const answers = await Promise.all(gateways.map((gateway) => gateway.hear()))
  const wallUs = (performance.now() - started) * 1_000
  const besideUs = Object.fromEntries(before.map(([name, pid, cpuUs]) => [name, cpuUsOf(pid) - cpuUs]))
  const cpuUs = answers.reduce((sum, answer) => sum + Number(answer["cpuUs"]), 0)
  return { events: each * COUNT, cpuUs, wallUs, besideUs }
}
