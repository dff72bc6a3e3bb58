// One process in the shared line: what it asks, and what it does about answers that are late, wrong or missing.

import { beforeEach, describe, expect, test } from "bun:test"
import {
  HOLD_MS,
  type LineReply,
  type LineRequest,
  USE_WITHIN_MS,
} from "../../../../src/gateway/identify/redis/line.ts"
import { type ClosableIdentifyQueue, sharedIdentifyQueue } from "../../../../src/gateway/identify/redis/queue.ts"
import { FakeClock } from "../../../fixtures/fake-clock.ts"
import { microtasks } from "../../../fixtures/identify-lines.ts"

const NOTHING: LineReply = {
  status: "open",
  waitMs: null,
  budget: { remaining: 9, total: 10 },
  granted: [],
  broken: [],
}

interface Asked {
  readonly request: LineRequest
  readonly answer: (reply: Partial<LineReply>) => Promise<void>
  readonly fail: (error: Error) => Promise<void>
}

let clock: FakeClock
let asked: Asked[]
let waits: string[]
let returned: number
let wake: () => void
let queue: ClosableIdentifyQueue

beforeEach(() => {
  clock = new FakeClock()
  asked = []
  waits = []
  returned = 0
  queue = sharedIdentifyQueue({
    clock,
    random: () => 0.5,
    startLimit: async () => ({ total: 10, remaining: 9, resetAfterMs: 1_000, maxConcurrency: 1 }),
    reserve: 3,
    onWait: (reason) => waits.push(reason),
    onBudget: () => {},
    process: "p",
    line: (onWake) => {
      wake = onWake
      return {
        sync: (request) =>
          new Promise((resolve, reject) => {
            asked.push({
              request,
              answer: async (reply) => {
                resolve({ ...NOTHING, ...reply })
                await microtasks()
              },
              fail: async (error) => {
                reject(error)
                await microtasks()
              },
            })
          }),
        budget: async () => {},
        postpone: async () => {},
      }
    },
    on: {
      givenBack: () => {
        returned += 1
      },
    },
  })
})

/** @returns the shards that had their turn */
function turns(shards: readonly number[], signal = new AbortController().signal): number[] {
  const turned: number[] = []
  for (const shard of shards) {
    queue.turn(shard, signal).then(
      () => turned.push(shard),
      () => {},
    )
  }
  return turned
}

function last(): Asked {
  const one = asked.at(-1)
  if (one === undefined) throw new Error("nothing was asked")
  return one
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms)
  await microtasks()
}

describe("a process in the shared line", () => {
  test("asks once for all shards of one tick, lower ones first", async () => {
    turns([7, 3, 5])
    await microtasks()
    expect(asked).toHaveLength(1)
    expect(last().request).toEqual({ used: [], gone: [], waiting: ["3:p:2", "5:p:3", "7:p:1"], reserve: 3 })
  })

  test("stands there for shards of two sets, and says which come up beside the bot's own", async () => {
    const { signal } = new AbortController()
    void queue.turn(3, signal, { slot: 11, isBeside: true })
    void queue.turn(2, signal, { slot: 10, isBeside: false })
    void queue.turn(3, signal, { slot: 3, isBeside: false })
    await microtasks()
    expect(last().request.waiting).toEqual(["3:p:3", "10:p:2:2", "11:p:1:3:beside"])
  })

  test("has at most 128 places at a time", async () => {
    turns([...Array(1_000).keys()])
    await microtasks()
    expect(last().request.waiting).toHaveLength(128)
  })

  test("says that a slot was used, after the shard has had its turn", async () => {
    const turned = turns([0])
    await microtasks()
    await last().answer({ granted: ["0:p:1"] })
    expect(turned).toEqual([0])
    await pass(0)
    expect(last().request).toMatchObject({ used: ["0:p:1"], waiting: [] })
  })

  test("gives back a slot that it was told of too late, and waits on", async () => {
    const turned = turns([0])
    await microtasks()
    await pass(USE_WITHIN_MS + 1)
    await last().answer({ granted: ["0:p:1"] })
    expect(turned).toEqual([])
    expect(returned).toBe(1)
    expect(last().request).toMatchObject({ used: [], gone: ["0:p:1"], waiting: ["0:p:1"] })
  })

  test("gives back the slot of a shard that has left, and says so of its place", async () => {
    const aborting = new AbortController()
    turns([0], aborting.signal)
    turns([1])
    await microtasks()
    aborting.abort(new Error("gone"))
    await last().answer({ granted: ["0:p:1"] })
    expect(last().request).toMatchObject({ gone: ["0:p:1"], waiting: ["1:p:2"] })
  })

  test("renews its places in time, and asks when it is woken or its turn may have come", async () => {
    turns([0])
    await microtasks()
    await last().answer({ waitMs: null })
    await pass(3_000)
    expect(asked).toHaveLength(2)
    await last().answer({ waitMs: 40 })
    await pass(40)
    expect(asked).toHaveLength(3)
    await last().answer({ waitMs: null })
    wake()
    await microtasks()
    expect(asked).toHaveLength(4)
  })

  test("tells once that Redis does not answer, and lets nobody identify", async () => {
    const turned = turns([0])
    await microtasks()
    await pass(60_000)
    expect(waits).toEqual(["Redis does not answer"])
    expect(asked).toHaveLength(1)
    expect(turned).toEqual([])
  })

  test("tries again what Redis refused, tells it once, and reports what it had to report", async () => {
    turns([0])
    await microtasks()
    await last().answer({ granted: ["0:p:1"] })
    await pass(0)
    for (let i = 0; i < 5; i += 1) {
      await last().fail(new Error("OOM command not allowed"))
      await pass(5_000)
    }
    expect(waits).toEqual(["Redis does not keep the line (OOM command not allowed)"])
    expect(last().request.used).toEqual(["0:p:1"])
    await last().answer({})
    await pass(HOLD_MS)
    expect(asked).toHaveLength(7)
  })

  test("keeps a shard that the breaker stops out of the line, and the others in it", async () => {
    turns([0, 1])
    await microtasks()
    await last().answer({ broken: [{ ticket: "0:p:1", waitMs: 60_000 }] })
    expect(waits).toEqual(["shard 0 has identified 5 times in 10 minutes"])
    await pass(3_000)
    expect(last().request.waiting).toEqual(["1:p:2"])
    await last().answer({})
    await pass(60_000)
    await last().answer({})
    await pass(3_000)
    expect(last().request.waiting).toEqual(["0:p:1", "1:p:2"])
  })

  test("asks for nothing once it is closed", async () => {
    turns([0])
    await microtasks()
    await last().answer({ waitMs: 40 })
    queue.close()
    turns([1])
    await pass(60_000)
    expect(asked).toHaveLength(1)
  })
})
