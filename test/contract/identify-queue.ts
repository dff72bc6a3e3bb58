// What every identify queue must do. Time is the test's: `pass` moves it on, and lets the queues act at each step.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import type {
  IdentifyQueue,
  IdentifyQueueOptions,
  SessionStartLimit,
} from "../../src/gateway/identify/identify-queue.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"

const STEP_MS = 250
const COARSE_STEP_MS = 5_000
/** Nobody waits longer for a first slot that is free. */
const FIRST_MS = 10_000

/** A line of processes that share their slots; in memory it is one process, whose gateways share the queue. */
export interface IdentifyLineUnderTest {
  /** One more process of the bot. */
  open(options: IdentifyQueueOptions): IdentifyQueue
  /** Resolves when nothing happens any more until time goes on. */
  settle(): Promise<void>
  close(): Promise<void>
}

interface Turn {
  readonly shard: number
  readonly atMs: number
}

export function identifyQueueContract(name: string, start: (clock: FakeClock) => Promise<IdentifyLineUnderTest>): void {
  describe(`the ${name} identify queue`, () => {
    let clock: FakeClock
    let line: IdentifyLineUnderTest
    let limit: SessionStartLimit
    let turns: Turn[]
    let waits: string[]
    let budgets: number[]
    let asked: number
    let failing: boolean

    beforeEach(async () => {
      clock = new FakeClock()
      line = await start(clock)
      limit = { total: 1_000, remaining: 1_000, resetAfterMs: 3_600_000, maxConcurrency: 1 }
      turns = []
      waits = []
      budgets = []
      asked = 0
      failing = false
    })
    afterEach(() => line.close())

    const open = (reserve = 0) =>
      line.open({
        clock,
        random: () => 0.5,
        async startLimit() {
          asked += 1
          if (failing) throw new Error("no answer")
          return limit
        },
        reserve,
        onWait: (reason) => waits.push(reason),
        onBudget: (remaining) => budgets.push(remaining),
      })

    const queueUp = (queue: IdentifyQueue, shards: readonly number[], signal = new AbortController().signal) => {
      for (const shard of shards) {
        queue.turn(shard, signal).then(
          () => turns.push({ shard, atMs: clock.nowMs() }),
          () => {},
        )
      }
    }

    const pass = async (ms: number, stepMs = STEP_MS) => {
      await line.settle()
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(stepMs)
        await line.settle()
      }
    }

    const shardsOf = () => turns.map(({ shard }) => shard)
    /** Between one turn and the next. */
    const spacings = () => turns.slice(1).map(({ atMs }, index) => atMs - (turns[index]?.atMs ?? 0))

    test("lets one shard of a key through every 5 s, in the order of their ids", async () => {
      queueUp(open(), [2, 0, 1])
      await pass(FIRST_MS + 12_000)
      expect(shardsOf()).toEqual([0, 1, 2])
      for (const ms of spacings()) expect(ms).toBeGreaterThanOrEqual(5_000)
      for (const ms of spacings()) expect(ms).toBeLessThanOrEqual(6_000)
    })

    test("lets shards of different keys through together", async () => {
      limit = { ...limit, maxConcurrency: 16 }
      queueUp(open(), [...Array(32).keys()])
      await pass(FIRST_MS + 6_000)
      expect(shardsOf()).toEqual([...Array(32).keys()])
      expect(new Set(turns.slice(0, 16).map(({ atMs }) => atMs)).size).toBe(1)
      expect((turns[16]?.atMs ?? 0) - (turns[15]?.atMs ?? 0)).toBeGreaterThanOrEqual(5_000)
    })

    test("gives up the place of a shard that aborts", async () => {
      const queue = open()
      const aborting = new AbortController()
      queueUp(queue, [0])
      queueUp(queue, [1], aborting.signal)
      queueUp(queue, [2])
      await line.settle()
      aborting.abort()
      await pass(FIRST_MS + 6_000)
      expect(shardsOf()).toEqual([0, 2])
    })

    test("a shard that aborted before it asked gets no turn", async () => {
      queueUp(open(), [0], AbortSignal.abort(new Error("gone")))
      await pass(FIRST_MS)
      expect(turns).toEqual([])
    })

    test("#21 stops at the reserve, says so, and goes on after the reset", async () => {
      limit = { ...limit, remaining: 12 }
      queueUp(open(10), [0, 1, 2])
      await pass(30_000)
      expect(shardsOf()).toEqual([0, 1])
      limit = { ...limit, remaining: 10 }
      await pass(60_000)
      expect(waits.at(-1)).toContain("10 are kept in reserve")
      await pass(1_200_000, COARSE_STEP_MS)
      expect(shardsOf()).toEqual([0, 1])
      limit = { ...limit, remaining: 1_000 }
      await pass(3_600_000, COARSE_STEP_MS)
      expect(shardsOf()).toEqual([0, 1, 2])
    })

    test("#21 a shard that identifies again and again is stopped by the breaker, the others are not", async () => {
      const queue = open()
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

    test("#22 processes in one key never identify within one window", async () => {
      const one = open()
      const other = open()
      for (let i = 0; i < 10; i += 1) {
        queueUp(one, [i])
        queueUp(other, [i + 100])
      }
      await pass(FIRST_MS + 20 * 5_500)
      expect(turns.length).toBe(20)
      for (const ms of spacings()) expect(ms).toBeGreaterThanOrEqual(5_000)
    })

    test("nothing identifies before the budget is known, however often asking fails", async () => {
      failing = true
      queueUp(open(), [0])
      await pass(120_000)
      expect(turns).toEqual([])
      expect(asked).toBeGreaterThan(3)
      expect(waits.at(-1)).toContain("no answer")
      failing = false
      await pass(61_000)
      expect(shardsOf()).toEqual([0])
    })

    test("asks again for a budget that others use too", async () => {
      const queue = open()
      queueUp(queue, [0])
      await pass(120_000)
      queueUp(queue, [1])
      await pass(1_000)
      expect(asked).toBe(2)
    })

    test("tells what is left of the budget", async () => {
      const queue = open()
      queueUp(queue, [0, 1])
      await pass(FIRST_MS + 6_000)
      expect(budgets.at(-1)).toBe(998)
    })
  })
}
