import { beforeEach, describe, expect, test } from "bun:test"
import { timesOf } from "../../../src/gateway/reshard/hand-over.ts"
import type { ReshardHead, Reshards } from "../../../src/gateway/reshard/record.ts"
import { Resharding } from "../../../src/gateway/reshard/resharding.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { PLAIN_NODE, QUIET_BEAT } from "../../fixtures/beats.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { ModelLedger } from "../fleet/model-ledger.ts"
import { ModelReshards } from "./model-reshards.ts"

const LONG_MS = 60_000

let clock: FakeClock
let ledger: ModelLedger
let reshards: ModelReshards
/** Readings of the head. */
let reads: number
let exchanges: string[]

beforeEach(() => {
  clock = new FakeClock()
  ledger = new ModelLedger()
  reshards = new ModelReshards(ledger, () => clock.nowMs())
  reads = 0
  exchanges = []
  const node = { id: "a", ...PLAIN_NODE }
  ledger.exchange({ ...QUIET_BEAT, node, set: firstSet(2), leaseMs: LONG_MS }, clock.nowMs())
})

/** A process that runs no shard. */
function process(node: string): Resharding {
  const head = () => {
    reads += 1
    return reshards.head()
  }
  return new Resharding({
    reshards: { ...withoutHead(reshards), head },
    newExchange({ id }: ReshardHead) {
      exchanges.push(`${id} opened by ${node}`)
      return {
        listen() {},
        close: () => exchanges.push(`${id} closed by ${node}`),
        begin: async () => new Map(),
        read: async () => new Map(),
        ask: async () => {},
        offer: async () => false,
        decline: async () => {},
        settle: async () => false,
        restore: async () => {},
        withdraw: async () => ({ type: "withdrawn" }),
      }
    },
    ...{ node, clock, log: silentLogger, units: () => new Map(), times: timesOf(1_000), newAttempt: () => "attempt" },
    encoding: { body: "json", framing: { type: "bare" } },
    on: { attempt() {}, failed() {} },
  })
}

function withoutHead(model: Reshards): Omit<Reshards, "head"> {
  return {
    begin: (plan) => model.begin(plan),
    read: () => model.read(),
    advance: (...words) => model.advance(...words),
    closeSet: (id) => model.closeSet(id),
    setLive: (...words) => model.setLive(...words),
    lead: (...words) => model.lead(...words),
    resign: (node) => model.resign(node),
    order: (order) => model.order(order),
    onOrder: (listener) => model.onOrder(listener),
    onChange: (listener) => model.onChange(listener),
  }
}

async function pass(ms: number): Promise<void> {
  const untilMs = clock.nowMs() + ms
  while (clock.nowMs() < untilMs) {
    clock.advance(Math.min(50, untilMs - clock.nowMs()))
    for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
  }
}

describe("a process", () => {
  test("reads nothing of a reshard for as long as the ledger knows one set of shards", async () => {
    const one = process("a")
    one.ledgerRead(false)
    await pass(LONG_MS)
    expect(reads).toBe(0)
    expect(one.reshard).toBeNull()
  })

  test("takes part from when the ledger knows two sets until the reshard is over, and one of them leads", async () => {
    const both = [process("a"), process("b")]
    await reshards.begin({ id: "one", from: 2, to: 4, configured: 0 })
    for (const one of both) one.ledgerRead(true)
    await pass(3_000)
    expect(both.map(({ reshard }) => reshard?.phase)).toEqual(["opening", "opening"])
    expect(both.map(({ progress }) => progress)).toEqual([{ total: 4, live: 0, cut: 0 }, null])
    await reshards.advance("one", "opening", "undoing", "an operator ordered it")
    await pass(3_000)
    expect((await reshards.head())?.phase).toBe("undone")
    for (const one of both) one.ledgerRead(false)
    await pass(3_000)
    expect(both.map(({ reshard }) => reshard)).toEqual([null, null])
    expect(exchanges.filter((text) => text.includes("closed"))).toHaveLength(2)
    const before = reads
    await pass(LONG_MS)
    expect(reads).toBe(before)
  })

  test("lets another lead at once when it stops", async () => {
    const [first, second] = [process("a"), process("b")]
    await reshards.begin({ id: "one", from: 2, to: 4, configured: 0 })
    first.ledgerRead(true)
    await pass(2_000)
    expect(first.progress).not.toBeNull()
    await first.close()
    second.ledgerRead(true)
    await pass(200)
    expect(second.progress).not.toBeNull()
  })

  test("undoes the reshard when Discord refuses a shard of the new set", async () => {
    const one = process("a")
    await reshards.begin({ id: "one", from: 2, to: 4, configured: 0 })
    await one.refused({ slot: 1, shard: 1, count: 2 }, "it is of the old set")
    expect((await reshards.head())?.phase).toBe("opening")
    await one.refused({ slot: 2, shard: 0, count: 4 }, "too few shards")
    expect(await reshards.head()).toMatchObject({
      phase: "undoing",
      reason: "Discord refuses shard 0 of 4: too few shards",
    })
  })

  test("gives a gate to shards of both sets while a reshard runs, and to none otherwise", async () => {
    const one = process("a")
    expect(await one.gate({ slot: 0, shard: 0, count: 2 })).toBeUndefined()
    await reshards.begin({ id: "one", from: 2, to: 4, configured: 0 })
    expect((await one.gate({ slot: 1, shard: 1, count: 2 }))?.others).toEqual([1, 3])
    expect((await one.gate({ slot: 5, shard: 3, count: 4 }))?.others).toEqual([1])
    expect(await one.gate({ slot: 9, shard: 9, count: 10 })).toBeUndefined()
  })
})
