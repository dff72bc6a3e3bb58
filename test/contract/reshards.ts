// What every record of a reshard must do, with the ledger of leases that it changes.

import { describe, expect, test } from "bun:test"
import type { Beat, Ledger, OtherSet } from "../../src/gateway/fleet/ledger.ts"
import type { ReshardOrder, ReshardPlan, Reshards } from "../../src/gateway/reshard/record.ts"
import { firstSet, type ShardSet, slotsOf } from "../../src/gateway/shard-set.ts"
import { PLAIN_NODE, QUIET_BEAT } from "../fixtures/beats.ts"

/** Longer than a test takes, however loaded the machine is. */
const LONG_MS = 60_000

export interface ReshardsUnderTest {
  readonly ledger: Ledger
  readonly reshards: Reshards
  /** The guilds of a pair have gone over, or come back. */
  over(pair: string, isOver: boolean): Promise<void>
  /** Lets time pass, at least so much. */
  pass(ms: number): Promise<void>
  close(): Promise<void>
}

const PLAN: ReshardPlan = { id: "one", from: 2, to: 4, configured: 2 }
const NEW: ShardSet = { firstSlot: 2, count: 4 }
const closing = (set: ShardSet): OtherSet => ({ ...set, isClosing: true })

/** @param open one that was never used */
export function reshardsContract(name: string, open: () => Promise<ReshardsUnderTest>): void {
  const beat = (more: Partial<Beat> = {}): Beat => ({
    ...QUIET_BEAT,
    node: { id: "a", ...PLAIN_NODE },
    ...{ set: firstSet(2), leaseMs: LONG_MS },
    ...more,
  })
  /** With a gateway that runs the two shards of the bot. */
  const withGateway = async (run: (under: ReshardsUnderTest) => Promise<void>) => {
    const under = await open()
    try {
      const { book } = await under.ledger.exchange(beat({ leaseMs: 1 }))
      await under.pass(5)
      await under.ledger.exchange(beat({ claims: [0, 1], swept: book.claimFromMs }))
      await run(under)
    } finally {
      await under.close()
    }
  }
  /** Every shard of these is claimed, and ended. */
  const end = async ({ ledger }: ReshardsUnderTest, slots: readonly number[]) => {
    const { book } = await ledger.exchange(beat({ claims: slots }))
    const handOvers = slots.map((shard) => {
      return { shard, token: book.leases.get(shard)?.token ?? 0, to: null, isPinned: false, isEnded: true }
    })
    await ledger.exchange(beat({ handOvers }))
  }
  const phase = async ({ reshards }: ReshardsUnderTest) => (await reshards.read())?.phase

  describe(`the ${name} record of a reshard`, () => {
    test("is not there before the first one, and refuses one that nobody could carry out", async () => {
      const under = await open()
      expect(await under.reshards.read()).toBeNull()
      expect(await under.reshards.begin(PLAN)).toBe("nobody")
      await under.close()
    })

    test("begins one at a time, from the count that the bot has, and gives the new set slots of its own", () =>
      withGateway(async ({ reshards, ledger }) => {
        expect(await reshards.begin({ ...PLAN, from: 3 })).toBe("other-count")
        expect(await reshards.begin(PLAN)).toBe("begun")
        expect(await reshards.begin({ ...PLAN, id: "two" })).toBe("running")
        expect(await reshards.read()).toEqual({
          ...{ id: "one", from: 2, to: 4, fromSlot: 0, toSlot: 2, phase: "opening", reason: null, cut: [], live: [] },
        })
        expect(await reshards.head()).toEqual({
          ...{ id: "one", from: 2, to: 4, fromSlot: 0, toSlot: 2, phase: "opening", reason: null },
        })
        const { book } = await ledger.exchange(beat({ claims: [2, 5, 6] }))
        expect(book.set).toEqual(firstSet(2))
        expect(book.other).toEqual({ ...NEW, isClosing: false })
        expect([2, 5, 6].map((slot) => book.leases.get(slot)?.owner)).toEqual(["a", "a", undefined])
        // A failover may have lost that the old set closes already.
        expect((await ledger.exchange(beat({ set: NEW }))).type).toBe("member")
      }))

    test("changes the phase only from the one that is named, and of the reshard that is named", () =>
      withGateway(async (under) => {
        const { reshards } = under
        await reshards.begin(PLAN)
        await reshards.advance("another", "opening", "cutting", null)
        await reshards.advance("one", "cutting", "closing", null)
        expect(await phase(under)).toBe("opening")
        await reshards.advance("one", "opening", "undoing", "an operator ordered it")
        expect(await reshards.read()).toMatchObject({ phase: "undoing", reason: "an operator ordered it" })
      }))

    test("tells which new shards are live, and which have taken over from all that they share guilds with", () =>
      withGateway(async ({ reshards, over }) => {
        await reshards.begin({ ...PLAN, to: 3 })
        await reshards.setLive("one", 0, true)
        await reshards.setLive("one", 2, true)
        await reshards.setLive("one", 0, false)
        await over("0:1", true)
        expect(await reshards.read()).toMatchObject({ live: [2], cut: [] })
        await over("1:1", true)
        expect(await reshards.read()).toMatchObject({ cut: [1] })
        await over("0:1", false)
        expect(await reshards.read()).toMatchObject({ cut: [] })
        // On the way back it has something left to give.
        await reshards.advance("one", "opening", "undoing", null)
        expect(await reshards.read()).toMatchObject({ cut: [1] })
      }))

    test("closes the old set: the new one is the bot's, and the old one's shards go once each has ended", () =>
      withGateway(async (under) => {
        const { reshards, ledger } = under
        await reshards.begin(PLAN)
        await reshards.advance("one", "opening", "cutting", null)
        expect(await reshards.closeSet("one")).toBe(false)
        expect((await ledger.exchange(beat())).book.other?.isClosing).toBe(false)
        await reshards.advance("one", "cutting", "closing", null)
        expect(await reshards.closeSet("one")).toBe(false)
        const former = await ledger.exchange(beat())
        expect(former.type).toBe("member")
        expect([former.book.set, former.book.other]).toEqual([NEW, closing(firstSet(2))])
        await reshards.advance("one", "closing", "done", null)
        expect(await phase(under)).toBe("closing")
        await end(under, [0, 1])
        expect((await ledger.exchange(beat({ claims: [0, 1] }))).book.leases.get(0)?.owner).toBeNull()
        expect(await reshards.closeSet("one")).toBe(true)
        await reshards.advance("one", "closing", "done", null)
        expect(await phase(under)).toBe("done")
        const { book } = await ledger.exchange(beat({ set: NEW }))
        expect([book.set, book.other, book.leases.get(0)]).toEqual([NEW, null, undefined])
        expect(await ledger.shards()).toEqual({ set: NEW, hasMembers: true, capacity: 100, configured: 2 })
      }))

    test("undoes it: the new set closes once nothing is left with it, and its slots are used by no other", () =>
      withGateway(async (under) => {
        const { reshards, ledger, over } = under
        await reshards.begin(PLAN)
        await over("0:0", true)
        await reshards.advance("one", "opening", "undoing", "an operator ordered it")
        await reshards.closeSet("one")
        expect((await ledger.exchange(beat())).book.other?.isClosing).toBe(false)
        await over("0:0", false)
        await reshards.closeSet("one")
        expect((await ledger.exchange(beat())).book.other).toEqual(closing(NEW))
        await end(under, slotsOf(NEW))
        expect(await reshards.closeSet("one")).toBe(true)
        await reshards.advance("one", "undoing", "undone", "an operator ordered it")
        const { book } = await ledger.exchange(beat())
        expect([book.set, book.other, book.leases.get(0)?.owner]).toEqual([firstSet(2), null, "a"])
        expect(await reshards.begin({ ...PLAN, id: "two" })).toBe("begun")
        expect(await reshards.read()).toMatchObject({ id: "two", fromSlot: 0, toSlot: 6, live: [], cut: [] })
      }))

    test("lets one process lead at a time, for as long as it says so", () =>
      withGateway(async ({ reshards, pass }) => {
        expect(await reshards.lead("a", LONG_MS)).toBe(true)
        expect(await reshards.lead("b", LONG_MS)).toBe(false)
        expect(await reshards.lead("a", 5)).toBe(true)
        await pass(5)
        expect(await reshards.lead("b", LONG_MS)).toBe(true)
        expect(await reshards.lead("a", LONG_MS)).toBe(false)
        await reshards.resign("a")
        expect(await reshards.lead("a", LONG_MS)).toBe(false)
        await reshards.resign("b")
        expect(await reshards.lead("a", LONG_MS)).toBe(true)
      }))

    test("tells everybody of orders, and that something changed", () =>
      withGateway(async ({ reshards }) => {
        await reshards.begin(PLAN)
        const ordered = Promise.withResolvers<ReshardOrder>()
        const changed = Promise.withResolvers<void>()
        reshards.onOrder(ordered.resolve)
        reshards.onChange(changed.resolve)
        let isTold = false
        const told = Promise.all([ordered.promise, changed.promise]).then(([order]) => {
          isTold = true
          return order
        })
        // Nobody is told before the subscription stands.
        while (!isTold) {
          await reshards.order({ shard: 3, to: "new" })
          await reshards.setLive("one", 1, true)
          await Bun.sleep(20)
        }
        expect(await told).toEqual({ shard: 3, to: "new" })
      }))
  })
}
