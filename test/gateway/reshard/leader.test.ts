import { beforeEach, describe, expect, test } from "bun:test"
import { ReshardLeader } from "../../../src/gateway/reshard/leader.ts"
import type { ReshardOrder } from "../../../src/gateway/reshard/record.ts"
import { HAND_OVERS_AT_ONCE } from "../../../src/gateway/reshard/step.ts"
import { firstSet, slotsOf } from "../../../src/gateway/shard-set.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { ModelLedger } from "../fleet/model-ledger.ts"
import { ModelReshards } from "./model-reshards.ts"

const FROM = 8
const TO = 16
const HAND_OVER_MS = 100_000

let clock: FakeClock
let ledger: ModelLedger
let reshards: ModelReshards
let orders: ReshardOrder[]
let failed: number

beforeEach(async () => {
  clock = new FakeClock()
  ledger = new ModelLedger()
  reshards = new ModelReshards(ledger, () => clock.nowMs())
  orders = []
  failed = 0
  reshards.onOrder((order) => orders.push(order))
  // Nobody takes anything in a new ledger for a lease.
  beat([])
  await reshards.begin({ id: "one", from: FROM, to: TO, configured: 0 })
  beat([])
})

/** The one gateway of the bot. @param ended slots whose sessions it has closed for good */
function beat(ended: readonly number[]): void {
  const held = ledger.book(clock.nowMs()).leases
  const handOvers = ended.map((shard) => {
    return { shard, token: held.get(shard)?.token ?? 0, to: null, isPinned: false, isEnded: true }
  })
  const claims = slotsOf({ firstSlot: 0, count: FROM + TO })
  const node = { id: "a", weight: 1, capacity: 100, isDraining: false, isBusy: false, invites: [] }
  const { set, claimFromMs } = ledger.book(clock.nowMs())
  const beaten = {
    node,
    set: set.count === 0 ? firstSet(FROM) : set,
    leaseMs: 1,
    held: [],
    fenced: [],
    knows: claimFromMs,
    swept: claimFromMs,
    isLeaving: false,
  }
  clock.advance(2)
  ledger.exchange({ ...beaten, claims, handOvers }, clock.nowMs())
}

async function newLeader(): Promise<ReshardLeader> {
  const onFailed = () => {
    failed += 1
  }
  const options = { reshards, clock, log: silentLogger, handOverWithinMs: HAND_OVER_MS, onFailed }
  return new ReshardLeader(await stored(), options)
}

async function stored() {
  const reshard = await reshards.read()
  if (reshard === null) throw new Error("nothing is stored")
  return reshard
}

async function see(leader: ReshardLeader): Promise<void> {
  await leader.see(await stored())
}

async function liveAll(): Promise<void> {
  for (let shard = 0; shard < TO; shard += 1) await reshards.setLive("one", shard, true)
}

/** Every guild of a new shard has changed hands. */
function handOver(shard: number, to: "new" | "old"): void {
  if (to === "new") reshards.over.add(`${shard % FROM}:${shard}`)
  else reshards.over.delete(`${shard % FROM}:${shard}`)
}

describe("a leader", () => {
  test("carries a reshard out: waits for the new set, lets guilds change hands, and closes the old set", async () => {
    const leader = await newLeader()
    await see(leader)
    expect((await stored()).phase).toBe("opening")
    await liveAll()
    await see(leader)
    expect((await stored()).phase).toBe("cutting")
    expect(orders).toHaveLength(HAND_OVERS_AT_ONCE)
    for (let shard = 0; shard < TO; shard += 1) {
      handOver(shard, "new")
      await see(leader)
    }
    expect(new Set(orders.map(({ shard }) => shard)).size).toBe(TO)
    expect((await stored()).phase).toBe("closing")
    expect(ledger.book(0)).toMatchObject({ set: { firstSlot: FROM, count: TO }, other: { isClosing: true } })
    beat(slotsOf(firstSet(FROM)))
    await see(leader)
    expect((await stored()).phase).toBe("done")
    expect(ledger.book(0).other).toBeNull()
  })

  test("goes on where one before it was ended, in any phase", async () => {
    await see(await newLeader())
    await liveAll()
    await see(await newLeader())
    for (let shard = 0; shard < TO; shard += 1) handOver(shard, "new")
    await see(await newLeader())
    expect((await stored()).phase).toBe("closing")
    beat(slotsOf(firstSet(FROM)))
    await see(await newLeader())
    expect((await stored()).phase).toBe("done")
  })

  test("brings back what went over when somebody undoes it, also of shards that have not all of their guilds", async () => {
    const leader = await newLeader()
    await liveAll()
    await see(leader)
    handOver(3, "new")
    await see(leader)
    await reshards.advance("one", "cutting", "undoing", "an operator ordered it")
    orders = []
    await see(leader)
    expect(orders).toEqual([{ shard: 3, to: "old" }])
    expect(ledger.book(0).other?.isClosing).toBe(false)
    handOver(3, "old")
    await see(leader)
    expect(ledger.book(0)).toMatchObject({ set: firstSet(FROM), other: { isClosing: true } })
    beat(slotsOf({ firstSlot: FROM, count: TO }))
    await see(leader)
    expect(await stored()).toMatchObject({ phase: "undone", reason: "an operator ordered it" })
  })

  test("repeats its orders, and puts off what takes too long, for another to be tried", async () => {
    const leader = await newLeader()
    await liveAll()
    await see(leader)
    clock.advance(HAND_OVER_MS / 2)
    await see(leader)
    expect(orders.map(({ shard }) => shard)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7])
    orders = []
    clock.advance(HAND_OVER_MS / 2)
    await see(leader)
    expect(failed).toBe(HAND_OVERS_AT_ONCE)
    clock.advance(HAND_OVER_MS / 2)
    await see(leader)
    expect(orders).toHaveLength(HAND_OVERS_AT_ONCE)
  })

  test("waits when a new shard is lost before the guilds change hands", async () => {
    const leader = await newLeader()
    await liveAll()
    await reshards.setLive("one", 5, false)
    await see(leader)
    expect((await stored()).phase).toBe("opening")
    await reshards.setLive("one", 5, true)
    await see(leader)
    expect((await stored()).phase).toBe("cutting")
  })
})
