import { describe, expect, test } from "bun:test"
import { planShares } from "../../../src/gateway/fleet/balance.ts"
import type { Book, Lease, LedgerNode } from "../../../src/gateway/fleet/ledger.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { livingNode } from "../../fixtures/beats.ts"
import { seeded } from "../simulation/random.ts"

const node = (id: string, more: Partial<LedgerNode> = {}) => livingNode(id, { capacity: 1_000, ...more })
const lease = (owner: string | null, isPinned = false): Lease => ({
  owner,
  token: 1,
  changedMs: 0,
  isPinned,
  isEnded: false,
})

/** @param owners of the shards from 0 on; null: nobody */
function book(nodes: readonly LedgerNode[], owners: readonly (string | null)[], pinned: readonly number[] = []): Book {
  const leases = new Map(owners.map((owner, shard) => [shard, lease(owner, pinned.includes(shard))]))
  return { nowMs: 0, set: firstSet(owners.length), other: null, claimFromMs: 0, isSwept: true, nodes, leases }
}

/** How many shards each node has once the plan was carried out. */
function sizes(before: Book): Readonly<Record<string, number>> {
  const { claims, moves } = planShares(before)
  const counts: Record<string, number> = {}
  const add = (id: string, by: number) => {
    counts[id] = (counts[id] ?? 0) + by
  }
  for (const { id } of before.nodes) add(id, 0)
  for (const { owner } of before.leases.values()) if (owner !== null) add(owner, 1)
  for (const [id, shards] of claims) add(id, shards.length)
  for (const { from, to } of moves) {
    add(from, -1)
    add(to, 1)
  }
  return counts
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

describe("the plan of shares", () => {
  test("gives free shards out evenly", () => {
    expect(sizes(book([node("a"), node("b"), node("c")], times(8, null)))).toEqual({ a: 3, b: 3, c: 2 })
  })

  test("gives by weight", () => {
    expect(sizes(book([node("a", { weight: 3 }), node("b")], times(8, null)))).toEqual({ a: 6, b: 2 })
  })

  test("gives nobody more than its capacity, and says what is left over", () => {
    const full = book([node("a", { capacity: 2 }), node("b", { capacity: 3 })], times(8, null))
    expect(sizes(full)).toEqual({ a: 2, b: 3 })
    expect(planShares(full).homeless).toHaveLength(3)
  })

  test("gives a busy node no more than it has while another one has room, and takes nothing from it", () => {
    const nodes = [node("a", { isBusy: true }), node("b"), node("c")]
    const owners = [...times(3, "a"), ...times(3, "b"), ...times(3, "c"), ...times(4, null)]
    expect(sizes(book(nodes, owners))).toEqual({ a: 3, b: 5, c: 5 })
    expect(planShares(book([...nodes.slice(0, 1), node("b")], [...times(2, "a"), ...times(8, "b")])).moves).toEqual([])
  })

  test("gives busy nodes what nobody else has room for, up to their capacities", () => {
    const nodes = [node("a", { isBusy: true, capacity: 4 }), node("b", { isBusy: true }), node("c", { capacity: 1 })]
    const owners = [...times(3, "a"), ...times(3, "b"), ...times(6, null)]
    expect(sizes(book(nodes, owners))).toEqual({ a: 4, b: 7, c: 1 })
    expect(planShares(book(nodes, owners)).homeless).toEqual([])
  })

  test("gives nothing to a draining node, and takes all it has", () => {
    expect(sizes(book([node("a", { isDraining: true }), node("b")], times(4, "a")))).toEqual({ a: 0, b: 4 })
  })

  test("leaves the shards of a dead node alone until it is fenced", () => {
    const { claims, moves } = planShares(book([node("a", { isDead: true }), node("b")], times(4, "a")))
    expect([...claims, ...moves]).toEqual([])
  })

  test("gives a newcomer its share and moves nothing else", () => {
    const { moves } = planShares(book([node("a"), node("b"), node("c")], [...times(6, "a"), ...times(6, "b")]))
    expect(moves).toHaveLength(4)
    expect(moves.every(({ to }) => to === "c")).toBe(true)
  })

  test("moves nothing where the shares differ by one", () => {
    expect(planShares(book([node("a"), node("b")], ["a", "b", "b"])).moves).toEqual([])
    expect(planShares(book([node("a"), node("b")], ["a", "a", "b"])).moves).toEqual([])
  })

  test("leaves where it is what an operator has moved, while other shards can go", () => {
    const { moves } = planShares(book([node("a"), node("b")], ["a", "b", "b", "b"], [2, 3]))
    expect(moves.map(({ shard }) => shard)).toEqual([1])
  })

  test("over random fleets lasts once it is carried out, keeps to capacities, and has nobody both give and take", () => {
    const random = seeded(7)
    for (let round = 0; round < 2_000; round += 1) {
      const nodes = Array.from({ length: 1 + random.int(5) }, (_, index) =>
        node(`n${index}`, {
          weight: 1 + random.int(3),
          isDraining: random.chance(0.1),
          isBusy: random.chance(0.3),
          capacity: random.int(40),
        }),
      )
      const ids = [...nodes.map(({ id }) => id), null]
      const before = book(
        nodes,
        Array.from({ length: 1 + random.int(40) }, () => random.pick(ids)),
      )
      const { claims, moves } = planShares(before)
      const after = carriedOut(before, claims, moves)
      const again = planShares(after)
      expect(again.moves).toEqual([])
      expect([...again.claims.values()].flat()).toEqual([])
      for (const { id, capacity, isDraining } of nodes) {
        const held = [...after.leases.values()].filter(({ owner }) => owner === id).length
        const had = [...before.leases.values()].filter(({ owner }) => owner === id).length
        if (held > had) expect(held <= capacity && !isDraining).toBe(true)
        // Nobody both gives and takes.
        const gave = moves.some(({ from }) => from === id)
        const took = claims.has(id) || moves.some(({ to }) => to === id)
        expect(gave && took).toBe(false)
      }
    }
  })
})

function carriedOut(
  before: Book,
  claims: ReadonlyMap<string, readonly number[]>,
  moves: readonly { readonly shard: number; readonly to: string }[],
): Book {
  const leases = new Map(before.leases)
  for (const [id, shards] of claims) for (const shard of shards) leases.set(shard, lease(id))
  for (const { shard, to } of moves) leases.set(shard, lease(to))
  return { ...before, leases }
}
