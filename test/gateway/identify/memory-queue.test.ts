// Identify slots in memory.

import { beforeEach, describe, expect, test } from "bun:test"
import type { IdentifyQueue, SessionStartLimit } from "../../../src/gateway/identify/identify-queue.ts"
import { memoryIdentifyQueue } from "../../../src/gateway/identify/memory-queue.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

interface Turn {
  readonly shard: number
  readonly atMs: number
}

let clock: FakeClock
let limit: SessionStartLimit
let turns: Turn[]
let waits: string[]
let asked: number
let failing: boolean

beforeEach(() => {
  clock = new FakeClock()
  limit = { total: 1_000, remaining: 1_000, resetAfterMs: 3_600_000, maxConcurrency: 1 }
  turns = []
  waits = []
  asked = 0
  failing = false
})

function newQueue(reserve = 0): IdentifyQueue {
  return memoryIdentifyQueue({
    clock,
    random: () => 0.5,
    async startLimit() {
      asked += 1
      if (failing) throw new Error("no answer")
      return limit
    },
    reserve,
    onWait: (reason) => waits.push(reason),
    onBudget: () => {},
  })
}

function queueUp(queue: IdentifyQueue, shards: readonly number[], signal = new AbortController().signal): void {
  for (const shard of shards) {
    queue.turn(shard, signal).then(
      () => turns.push({ shard, atMs: clock.nowMs() }),
      () => {},
    )
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i += 1) await Promise.resolve()
}

async function pass(ms: number): Promise<void> {
  await settle()
  for (let passed = 0; passed < ms; passed += 250) {
    clock.advance(250)
    await settle()
  }
}

const shardsOf = (turned: readonly Turn[]) => turned.map(({ shard }) => shard)

describe("the identify queue", () => {
  test("lets one shard of a key through every 5 s, in the order of their ids", async () => {
    queueUp(newQueue(), [2, 0, 1])
    await pass(20_000)
    expect(shardsOf(turns)).toEqual([0, 1, 2])
    for (let i = 1; i < turns.length; i += 1) {
      expect((turns[i]?.atMs ?? 0) - (turns[i - 1]?.atMs ?? 0)).toBeGreaterThanOrEqual(5_000)
    }
  })

  test("lets shards of different keys through together", async () => {
    limit = { ...limit, maxConcurrency: 16 }
    queueUp(newQueue(), [...Array(32).keys()])
    await settle()
    expect(shardsOf(turns)).toEqual([...Array(16).keys()])
    await pass(6_000)
    expect(shardsOf(turns)).toEqual([...Array(32).keys()])
  })

  test("gives up the place of a shard that aborts", async () => {
    const queue = newQueue()
    const aborting = new AbortController()
    queueUp(queue, [0])
    queueUp(queue, [1], aborting.signal)
    queueUp(queue, [2])
    await settle()
    aborting.abort()
    await pass(11_000)
    expect(shardsOf(turns)).toEqual([0, 2])
  })

  test("#21 stops at the reserve, says so, and goes on after the reset", async () => {
    limit = { ...limit, remaining: 12 }
    queueUp(newQueue(10), [0, 1, 2])
    await pass(60_000)
    expect(shardsOf(turns)).toEqual([0, 1])
    expect(waits.at(-1)).toContain("10 are kept in reserve")
    limit = { ...limit, remaining: 1_000 }
    await pass(3_600_000)
    expect(shardsOf(turns)).toEqual([0, 1, 2])
  })

  test("#21 a shard that identifies again and again is stopped by the breaker, the others are not", async () => {
    const queue = newQueue()
    for (let i = 0; i < 20; i += 1) {
      queueUp(queue, [0])
      await pass(10_000)
    }
    expect(turns.length).toBe(5)
    expect(waits.at(-1)).toContain("shard 0")
    queueUp(queue, [1])
    await pass(6_000)
    expect(turns.at(-1)?.shard).toBe(1)
  })

  test("#22 two gateways on one queue never identify within one window of a key", async () => {
    const queue = newQueue()
    for (let i = 0; i < 10; i += 1) {
      queueUp(queue, [i])
      queueUp(queue, [i + 100])
    }
    await pass(120_000)
    expect(turns.length).toBe(20)
    const times = turns.map(({ atMs }) => atMs).sort((a, b) => a - b)
    for (let i = 1; i < times.length; i += 1) {
      expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(5_000)
    }
  })

  test("nothing identifies before the budget is known, however often asking fails", async () => {
    failing = true
    queueUp(newQueue(), [0])
    await pass(120_000)
    expect(turns).toEqual([])
    expect(asked).toBeGreaterThan(3)
    expect(waits.at(-1)).toContain("no answer")
    failing = false
    await pass(61_000)
    expect(shardsOf(turns)).toEqual([0])
  })

  test("asks again for a budget that others use too", async () => {
    const queue = newQueue()
    queueUp(queue, [0])
    await pass(120_000)
    queueUp(queue, [1])
    await pass(1_000)
    expect(asked).toBe(2)
  })
})
