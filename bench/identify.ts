// What the shared identify queue costs: real queues and scripts on a real Redis, whose clock and theirs run ten times as fast.
// An event is a slot that a shard got, its CPU time is Redis'; what the processes' side costs is told beside it. The limit is
// Discord's: max_concurrency slots each 5.25 s, which one process with a queue in memory reaches.

import { Redis } from "ioredis"
import type { IdentifyQueue, IdentifyQueueOptions } from "../src/gateway/identify/identify-queue.ts"
import { memoryIdentifyQueue } from "../src/gateway/identify/memory-queue.ts"
import { sharedIdentifyQueue } from "../src/gateway/identify/redis/queue.ts"
import { redisLine } from "../src/gateway/identify/redis/redis-line.ts"
import { fastClock } from "../test/fixtures/fast-clock.ts"
import { startRedisServer } from "../test/fixtures/redis-server.ts"
import type { Benchmark, BenchmarkCase, Sample } from "./benchmark.ts"
import { cpuUsOf } from "./feed/process-cost.ts"

const SPEED = 10
const MAX_CONCURRENCY = 16
const ROUNDS = 8
const SMOKE_ROUNDS = 1
/** Shards of one process that wait at a time (fleet.ts starts no more). */
const WAITING = 32
/** The scripts' clock: Redis' own, faster, and of a server that has run for long. */
const FAST_SERVER_CLOCK = `
  local time = redis.call('TIME')
  local now = math.floor((time[1] * 1000 + time[2] / 1000) * ${SPEED})
  local run = 'bench'
  local function mayForget() return false end
`

const redis: Pick<BenchmarkCase, "skipped"> = {
  skipped: () => (Bun.which("redis-server") === null ? "Redis is not installed" : undefined),
}

export const benchmark: Benchmark = {
  question: "What does sharing identify slots cost, and are they all used?",
  cases: [
    { name: "one process, in memory", run: ({ smoke }) => inMemory(smoke) },
    { ...redis, name: "one process, Redis", run: ({ smoke }) => overRedis(1, smoke) },
    { ...redis, name: "20 processes, Redis", run: ({ smoke }) => overRedis(20, smoke) },
    { ...redis, name: "100 processes, Redis", run: ({ smoke }) => overRedis(smoke ? 20 : 100, smoke) },
  ],
  ratios: [{ of: "100 processes, Redis", to: "one process, in memory", rateAtLeast: 0.95 }],
}

const OPTIONS: IdentifyQueueOptions = {
  clock: fastClock(SPEED),
  random: Math.random,
  startLimit: async () => ({
    total: 100_000,
    remaining: 100_000,
    resetAfterMs: 86_400_000,
    maxConcurrency: MAX_CONCURRENCY,
  }),
  reserve: 0,
  onWait: () => {},
  onBudget: () => {},
}

async function inMemory(smoke: boolean): Promise<Sample> {
  const before = process.cpuUsage()
  const { slots, wallUs } = await takeSlots([memoryIdentifyQueue(OPTIONS)], smoke)
  const { user, system } = process.cpuUsage(before)
  return { events: slots, cpuUs: user + system, wallUs }
}

async function overRedis(processes: number, smoke: boolean): Promise<Sample> {
  const server = await startRedisServer()
  const connections: Redis[] = []
  const connect = () => {
    const connection = new Redis(server.url, { protocol: 2 })
    connections.push(connection)
    return connection
  }
  const queues = Array.from({ length: processes }, (_, index) => {
    const name = `p${index}`
    const common = { prefix: "bench", process: name, clock: FAST_SERVER_CLOCK }
    const line = (onWake: () => void) => redisLine({ ...common, commands: connect(), subscriber: connect(), onWake })
    return sharedIdentifyQueue({ ...OPTIONS, process: name, line })
  })
  try {
    await Promise.all(connections.map((connection) => connection.ping()))
    const before = { cpuUs: cpuUsOf(server.pid), own: process.cpuUsage() }
    const { slots, wallUs } = await takeSlots(queues, smoke)
    const { user, system } = process.cpuUsage(before.own)
    return { events: slots, cpuUs: cpuUsOf(server.pid) - before.cpuUs, wallUs, besideUs: { processes: user + system } }
  } finally {
    for (const queue of queues) queue.close()
    for (const connection of connections) connection.disconnect()
    await server.stop()
  }
}

/** Every process has its shards waiting until all slots of the rounds are taken. */
async function takeSlots(queues: readonly IdentifyQueue[], smoke: boolean) {
  const wanted = (smoke ? SMOKE_ROUNDS : ROUNDS) * MAX_CONCURRENCY
  const stop = new AbortController()
  const done = Promise.withResolvers<void>()
  let slots = 0
  let next = 0
  let startedMs = 0
  const wait = (queue: IdentifyQueue) => {
    const shard = next
    next += 1
    queue.turn(shard, stop.signal).then(
      () => {
        // From the first slot: what goes before is the budget's reading.
        if (slots === 0) startedMs = performance.now()
        slots += 1
        if (slots === wanted + 1) done.resolve()
        if (!stop.signal.aborted) wait(queue)
      },
      () => {},
    )
  }
  for (let i = 0; i < WAITING; i += 1) for (const queue of queues) wait(queue)
  await done.promise
  const wallUs = (performance.now() - startedMs) * 1_000
  stop.abort(new Error("measured"))
  return { slots: wanted, wallUs }
}
