// Shards that move to balance: what a node invites, and what an owner hands over.

import { describe, expect, test } from "bun:test"
import { planShares } from "../../../src/gateway/fleet/balance.ts"
import type { Book, Lease, LedgerNode } from "../../../src/gateway/fleet/ledger.ts"
import { type Holding, type MemberState, newMember } from "../../../src/gateway/fleet/member-state.ts"
import { giveWave, growthOf, invite, toldInvites, withdrawAll } from "../../../src/gateway/fleet/waves.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { livingNode } from "../../fixtures/beats.ts"

const LEASE_MS = 1_000
const WAVES = { perTaker: 5, perGiver: 2 }
const FACTS = { nowMs: 0, isIdentifying: () => false }

/** @param owners of the shards from 0 on */
function book(nodes: readonly LedgerNode[], owners: readonly string[], more: Partial<Book> = {}): Book {
  const lease = (owner: string): Lease => ({ owner, token: 1, changedMs: 0, isPinned: false, isEnded: false })
  const leases = new Map(owners.map((owner, shard) => [shard, lease(owner)]))
  return {
    nowMs: 10 * LEASE_MS,
    set: firstSet(owners.length),
    other: null,
    claimFromMs: 0,
    isSwept: true,
    nodes,
    leases,
    ...more,
  }
}
const times = (count: number, id: string): string[] => Array.from({ length: count }, () => id)

/** A node that has read this. */
function member(id: string, read: Book, more: Partial<MemberState> = {}): MemberState {
  const fresh = newMember({ id, weight: 1, capacity: 100, set: read.set, leaseMs: LEASE_MS, waves: WAVES })
  const holding: Holding = { token: 1, stage: "serving", isLive: true, to: null, isPinned: false, isEnding: false }
  const ours = [...read.leases].filter(([, { owner }]) => owner === id).map(([shard]) => [shard, holding] as const)
  return { ...fresh, book: read, plan: planShares(read), holdings: new Map(ours), ...more }
}
const shards = (state: MemberState) => toldInvites(state).map(({ shard }) => shard)
const invited = (state: MemberState, read: Book) => shards(invite(state, read).state)
const inviting = (...all: readonly number[]) => all.map((shard) => ({ shard, token: 1 }))
const given = (state: MemberState, read: Book) =>
  giveWave(state, read, FACTS).effects.map((effect) => (effect.type === "drain" ? effect.shard : effect))

describe("a newcomer", () => {
  const nodes = [livingNode("a"), livingNode("b"), livingNode("c"), livingNode("d"), livingNode("new")]
  const owners = [...times(10, "a"), ...times(10, "b"), ...times(10, "c"), ...times(10, "d")]

  test("invites a few shards of each owner, and no more in all than it takes in at a time", () => {
    const read = book(nodes, owners)
    const invites = invited(member("new", read), read)
    expect(invites).toHaveLength(WAVES.perTaker)
    const perOwner = Map.groupBy(invites, (shard) => owners[shard] ?? "")
    expect(Math.max(...[...perOwner.values()].map((shards) => shards.length))).toBe(WAVES.perGiver)
  })

  test("counts what has come and is not live yet, until it has waited for a lease's time", () => {
    const read = book(nodes, owners)
    const state = invite(member("new", read), read).state
    const [first = -1] = shards(state)
    const arrived = (changedMs: number) => {
      const lease: Lease = { owner: "new", token: 2, changedMs, isPinned: false, isEnded: false }
      return book(nodes, owners, { leases: new Map(read.leases).set(first, lease) })
    }
    const come = (after: Book, isLive: boolean) => {
      const { holdings } = member("new", after)
      const holding = holdings.get(first)
      if (holding === undefined) throw new Error("it did not come")
      return member("new", after, { intake: state.intake, holdings: new Map([[first, { ...holding, isLive }]]) })
    }
    const fresh = arrived(read.nowMs - 1)
    expect(invited(come(fresh, false), fresh)).toHaveLength(WAVES.perTaker - 1)
    // More are invited once half of them are through.
    const through = invite(come(fresh, true), fresh).state.intake
    expect(through.size).toBe(WAVES.perTaker - 1)
    const stale = arrived(read.nowMs - LEASE_MS)
    expect(invite(come(stale, false), stale).state.intake.has(first)).toBe(false)
  })

  test("keeps the place of what it does not invite any more, as long as it may be on its way", () => {
    const read = book(nodes, owners)
    const state = invite(member("new", read), read).state
    const cut = withdrawAll(state)
    expect(shards(cut)).toEqual([])
    const without = { ...read, nodes: nodes.map((one) => (one.id === "new" ? { ...one, capacity: 0 } : one)) }
    const again = member("new", without, { intake: cut.intake })
    const told = invite(again, without).state
    expect(told.intake.size).toBe(WAVES.perTaker)
    const late = { ...without, nowMs: without.nowMs + 10 * LEASE_MS }
    expect(invite({ ...again, intake: told.intake }, late).state.intake.size).toBe(0)
    // A node that was away for so long may have told its invitations once more just now.
    expect(invite(again, late).state.intake.size).toBe(WAVES.perTaker)
  })

  test("keeps the place of what the ledger has forgotten, as its owner hands it over all the same", () => {
    const read = book(nodes, owners)
    const state = invite(member("new", read), read).state
    const [first = -1] = shards(state)
    const withLease = (lease: Partial<Lease> | null) => {
      const leases = new Map(read.leases)
      const before = leases.get(first)
      if (lease === null || before === undefined) leases.delete(first)
      else leases.set(first, { ...before, ...lease })
      return { ...read, leases }
    }
    const placed = (after: Book) => {
      const { intake } = invite(
        member("new", after, { intake: state.intake, invited: toldInvites(state) }),
        after,
      ).state
      return intake.get(first)
    }
    expect(placed(withLease(null))?.withdrawnMs).toBe(read.nowMs)
    expect(placed(withLease({ token: 0 }))?.withdrawnMs).toBe(read.nowMs)
    expect(placed(withLease({}))?.withdrawnMs).toBeNull()
    expect(placed(withLease({ owner: "b", token: 2 }))).toBeUndefined()
  })

  test("counts what has come for as long as nobody may start it, and while it comes to itself under a later token", () => {
    const read = book(nodes, [...owners, "new"], { claimFromMs: 20 * LEASE_MS })
    const shard = owners.length
    const holding: Holding = { token: 1, stage: "drained", isLive: false, to: "new", isPinned: false, isEnding: false }
    const intake = new Map([[shard, { from: "a", token: 0, withdrawnMs: 0 }]])
    const waiting = member("new", read, { holdings: new Map(), intake })
    expect(invite(waiting, read).state.intake.has(shard)).toBe(true)
    const later = { ...read, claimFromMs: 0 }
    const renewing = member("new", later, { holdings: new Map([[shard, holding]]), intake })
    const { state } = invite(renewing, later)
    expect(state.intake.has(shard)).toBe(false)
    expect(shards(state)).toHaveLength(WAVES.perTaker - 1)
  })

  test("invites nobody while its load is over its limit, and grows bit by bit while it is not", () => {
    const busy = book([...nodes.slice(0, 4), livingNode("new", { isBusy: true })], owners)
    expect(invited(member("new", busy), busy)).toEqual([])
    const read = book(nodes, owners)
    const measured = member("new", read, { load: { isOver: false, growthLeft: 3 } })
    const { state } = invite(measured, read)
    expect(shards(state)).toHaveLength(3)
    expect(state.load?.growthLeft).toBe(0)
    expect([0, 8, 100].map((held) => growthOf(held))).toEqual([4, 4, 25])
  })
})

describe("an owner", () => {
  test("hands over what is invited, and nothing else", () => {
    const owners = times(10, "a")
    const alone = book([livingNode("a"), livingNode("b")], owners)
    expect(given(member("a", alone), alone)).toEqual([])
    const read = book([livingNode("a"), livingNode("b", { invites: inviting(9, 8, 7) })], owners)
    expect(given(member("a", read), read)).toEqual([9, 8])
    // The invitation was for who had the shard before.
    const former = inviting(9).map(({ shard }) => ({ shard, token: 0 }))
    const late = book([livingNode("a"), livingNode("b", { invites: former })], owners)
    expect(given(member("a", late), late)).toEqual([])
  })

  test("does not hand over what its taker does not need any more, nor to one that is going", () => {
    const even = book(
      [livingNode("a"), livingNode("b", { invites: inviting(3) })],
      [...times(4, "a"), ...times(4, "b")],
    )
    expect(given(member("a", even), even)).toEqual([])
    for (const gone of [{ isDraining: true }, { isDead: true }]) {
      const read = book(
        [livingNode("a"), livingNode("b", { invites: inviting(3), ...gone }), livingNode("c")],
        times(4, "a"),
      )
      expect(given(member("a", read), read)).toEqual([])
    }
  })

  test("hands over one wave at a time, and leaves alone what waits for READY", () => {
    const read = book([livingNode("a"), livingNode("b", { invites: inviting(9, 8) })], times(10, "a"))
    const first = giveWave(member("a", read), read, FACTS).state
    expect(giveWave(first, read, FACTS).effects).toEqual([])
    const { effects } = giveWave(member("a", read), read, { ...FACTS, isIdentifying: (shard) => shard === 9 })
    expect(effects).toEqual([{ type: "drain", shard: 8, token: 1 }])
  })
})
