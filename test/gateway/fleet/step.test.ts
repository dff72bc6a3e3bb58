// The rules of one gateway's part, one by one. What follows from all of them together is in simulation.test.ts.

import { describe, expect, test } from "bun:test"
import type { Book, Lease, LedgerNode } from "../../../src/gateway/fleet/ledger.ts"
import {
  type Effect,
  type Facts,
  type Input,
  type MemberState,
  newMember,
} from "../../../src/gateway/fleet/member-state.ts"
import { HELD_SHARE, step } from "../../../src/gateway/fleet/step.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { livingNode } from "../../fixtures/beats.ts"

const LEASE_MS = 10_000

/** Node "a", told one thing after another on a clock of its own. */
class Member {
  state: MemberState = newMember({ id: "a", weight: 1, capacity: 100, set: firstSet(4), leaseMs: LEASE_MS })
  nowMs = 0
  identifying = new Set<number>()

  tell(input: Input): readonly Effect[] {
    const facts: Facts = { nowMs: this.nowMs, isIdentifying: (shard) => this.identifying.has(shard) }
    const { state, effects } = step(this.state, input, facts)
    this.state = state
    return effects
  }

  answer(book: Book, type: "member" | "fenced" | "other-count" = "member"): readonly Effect[] {
    if (!this.state.isAsking) this.tell({ type: "ask" })
    return this.tell({ type: "answer", answer: { type, book }, sentMs: this.nowMs })
  }
}

const held = (owner: string | null, token = 1): Lease => ({
  owner,
  token,
  changedMs: 0,
  isPinned: false,
  isEnded: false,
})
const book = (nodes: readonly LedgerNode[], owners: readonly (Lease | null)[], more: Partial<Book> = {}): Book => ({
  ...{ nowMs: 500_000, set: firstSet(owners.length), other: null, claimFromMs: 0, isSwept: true, nodes },
  leases: new Map(owners.flatMap((lease, shard) => (lease === null ? [] : [[shard, lease]]))),
  ...more,
})
const of = <T extends Effect["type"]>(effects: readonly Effect[], type: T) =>
  effects.filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type)
const beatOf = (effects: readonly Effect[]) => of(effects, "beat")[0]?.beat

/** Runs shards 0 to 3. */
function owner(): Member {
  const member = new Member()
  member.answer(book([livingNode("a")], [held("a"), held("a"), held("a"), held("a")]))
  for (const shard of [0, 1, 2, 3]) member.tell({ type: "live", shard, token: 1, isLive: true })
  member.answer(book([livingNode("a")], Array(4).fill(held("a"))))
  return member
}

describe("a gateway", () => {
  test("claims its part of what is free, and runs what it is given", () => {
    const member = new Member()
    const effects = member.answer(book([livingNode("a"), livingNode("b")], [null, null, null, null]))
    expect(of(effects, "serve")).toEqual([])
    expect(beatOf(member.tell({ type: "ask" }))?.claims).toEqual([0, 2])
    const given = member.tell({
      ...{ type: "answer", sentMs: 0 },
      answer: { type: "member", book: book([livingNode("a"), livingNode("b")], [held("a"), null, held("a"), null]) },
    })
    expect(of(given, "serve").map(({ shard }) => shard)).toEqual([0, 2])
  })

  test("neither claims nor runs anything before the ledger has been told who had what", () => {
    const member = new Member()
    const early = book([livingNode("a")], [null, held("a"), null, null], { claimFromMs: 503_000 })
    const effects = member.answer(early)
    expect(of(effects, "serve")).toEqual([])
    expect(of(effects, "timer").find(({ timer }) => timer === "beat")?.delayMs).toBeLessThanOrEqual(3_000)
    expect(beatOf(member.tell({ type: "ask" }))?.claims).toEqual([])
  })

  test("trusts its lease for less than its length, from when the beat was sent", () => {
    const member = new Member()
    member.nowMs = 5_000
    const effects = member.tell({
      ...{ type: "answer", sentMs: 4_000 },
      answer: { type: "member", book: book([livingNode("a")], [held("a")]) },
    })
    expect(of(effects, "timer")).toContainEqual({
      type: "timer",
      timer: "expiry",
      delayMs: HELD_SHARE * LEASE_MS - 1_000,
    })
  })

  test("#34 runs nothing by an answer that was on its way for too long", () => {
    const member = new Member()
    member.nowMs = 20_000
    const effects = member.tell({
      ...{ type: "answer", sentMs: 4_000 },
      answer: { type: "member", book: book([livingNode("a")], [held("a")]) },
    })
    expect(of(effects, "serve")).toEqual([])
    expect(beatOf(effects)).toBeDefined()
  })

  test("cuts every shard when its lease has run out unrenewed, and runs them again when it is renewed", () => {
    const member = owner()
    member.nowMs = HELD_SHARE * LEASE_MS
    expect(of(member.tell({ type: "expired" }), "cut").map(({ reason }) => reason)).toEqual(Array(4).fill("expired"))
    const again = member.answer(book([livingNode("a")], [held("a"), held("a"), held("a"), held("a")]))
    expect(of(again, "serve")).toHaveLength(4)
  })

  test("waits on when its lease was renewed before the timer came", () => {
    const member = owner()
    member.nowMs = 1_000
    const effects = member.tell({ type: "expired" })
    expect(of(effects, "cut")).toEqual([])
    expect(of(effects, "timer")).toEqual([{ type: "timer", timer: "expiry", delayMs: HELD_SHARE * LEASE_MS - 1_000 }])
  })

  test("#34 cuts what the ledger says is another's, or is its own under another token", () => {
    const member = owner()
    const effects = member.answer(
      book([livingNode("a"), livingNode("b")], [held("b", 2), held("a", 5), held("a"), held("a")]),
    )
    expect(of(effects, "cut").map(({ shard }) => shard)).toEqual([0, 1])
    expect(of(effects, "serve")).toEqual([{ type: "serve", shard: 1, token: 5, wasClaimed: false }])
  })

  test("#34 goes on with a lease of a ledger that forgot its next owner only under a later token", () => {
    const member = new Member()
    const forgetful = book([livingNode("a")], [held("a")], { claimFromMs: 500_000 })
    const effects = member.answer(forgetful)
    expect(of(effects, "serve")).toEqual([])
    expect(beatOf(effects)?.handOvers).toEqual([{ shard: 0, token: 1, to: "a", isPinned: false, isEnded: false }])
    const renewed = { ...held("a", 499_999), changedMs: 499_999 }
    const after = member.answer(book([livingNode("a")], [renewed], { claimFromMs: 500_000 }))
    expect(of(after, "serve")).toEqual([{ type: "serve", shard: 0, token: 499_999, wasClaimed: false }])
  })

  test("#34 cuts everything when it was taken for dead, and ends its own connections if nobody else is there to", () => {
    const member = owner()
    const dead = livingNode("a", { isDead: true, deadlineMs: 400_000 })
    const effects = member.answer(book([dead], [held("a"), held("a"), held("a"), held("a")]), "fenced")
    expect(of(effects, "cut")).toHaveLength(4)
    expect(of(effects, "fence")).toEqual([{ type: "fence", node: "a" }])
    expect(beatOf(member.tell({ type: "fenced", node: "a" }))?.fenced).toEqual(["a"])
  })
})

describe("a hand-over", () => {
  test("leaves a shard alone that waits for READY", () => {
    const member = owner()
    member.identifying = new Set([2, 3])
    expect(
      of(
        member.answer(
          book(
            [livingNode("a"), livingNode("b", { invites: [3, 2].map((shard) => ({ shard, token: 1 })) })],
            Array(4).fill(held("a")),
          ),
        ),
        "drain",
      ),
    ).toEqual([])
  })

  test("is told with the next beat once the shard is drained, until the ledger has it", () => {
    const member = owner()
    const drained = of(
      member.answer(
        book(
          [livingNode("a"), livingNode("b", { invites: [3, 2].map((shard) => ({ shard, token: 1 })) })],
          Array(4).fill(held("a")),
        ),
      ),
      "drain",
    )
    expect(drained.map(({ shard }) => shard)).toEqual([3, 2])
    const told = beatOf(member.tell({ type: "drained", shard: 3, token: 1 }))
    expect(told?.handOvers).toEqual([{ shard: 3, token: 1, to: "b", isPinned: false, isEnded: false }])
    expect(told?.held.map(({ shard }) => shard)).toEqual([0, 1, 2])
    member.tell({ type: "no-answer" })
    expect(beatOf(member.tell({ type: "ask" }))?.handOvers).toHaveLength(1)
  })

  test("by an operator's order goes where it was ordered to, and is pinned there", () => {
    const member = owner()
    expect(of(member.tell({ type: "move", shard: 0, to: "b" }), "drain")).toHaveLength(1)
    expect(beatOf(member.tell({ type: "drained", shard: 0, token: 1 }))?.handOvers).toEqual([
      { shard: 0, token: 1, to: "b", isPinned: true, isEnded: false },
    ])
  })

  test("#32 of everything at once comes before a gateway leaves", () => {
    const member = owner()
    member.answer(
      book(
        [livingNode("a"), livingNode("b", { invites: [3, 2].map((shard) => ({ shard, token: 1 })) })],
        Array(4).fill(held("a")),
      ),
    )
    const leaving = member.tell({ type: "leave" })
    expect(of(leaving, "drain")).toHaveLength(2)
    expect(beatOf(leaving)?.node.isDraining).toBe(true)
    expect(beatOf(leaving)?.isLeaving).toBe(false)
    for (const shard of [0, 1, 2, 3]) member.tell({ type: "drained", shard, token: 1 })
    const last = member.tell({
      type: "answer",
      sentMs: 0,
      answer: { type: "member", book: book([livingNode("a")], []) },
    })
    expect(beatOf(last)?.isLeaving).toBe(true)
    const gone = member.tell({
      type: "answer",
      sentMs: 0,
      answer: { type: "member", book: book([livingNode("b")], []) },
    })
    expect(of(gone, "left")).toHaveLength(1)
  })
})

describe("a dead node", () => {
  const dead = livingNode("d", { isDead: true, deadlineMs: 500_000 })

  test("is fenced by the first of the living, and by the next one when that one does not", () => {
    const first = new Member()
    expect(of(first.answer(book([livingNode("a"), livingNode("b"), dead], [held("d")])), "fence")).toHaveLength(1)
    const second = new Member()
    const before = livingNode("Z")
    expect(of(second.answer(book([before, livingNode("a"), dead], [held("d")])), "fence")).toEqual([])
    const later = book([before, livingNode("a"), dead], [held("d")], { nowMs: 500_000 + 0.1 * LEASE_MS })
    expect(of(second.answer(later), "fence")).toHaveLength(1)
  })

  test("is fenced once at a time, and again when that failed", () => {
    const member = new Member()
    const both = book([livingNode("a"), dead], [held("d")])
    expect(of(member.answer(both), "fence")).toHaveLength(1)
    expect(of(member.answer(both), "fence")).toEqual([])
    member.tell({ type: "fence-failed", node: "d" })
    expect(of(member.answer(both), "fence")).toHaveLength(1)
  })
})

describe("a ledger that was opened anew", () => {
  const OPENED = { claimFromMs: 500_000, isSwept: false } as const
  const opened = (nodes: readonly LedgerNode[], more: Partial<Book> = {}) =>
    book(nodes, [null, held("a", 499_000), null, null], { ...OPENED, ...more })

  test("#34 gives nobody a shard before the connections of all that are not back were ended", () => {
    const member = new Member()
    const early = opened([livingNode("a")], { nowMs: 499_999 })
    expect(of(member.answer(early), "sweep")).toEqual([])
    const nodes = [livingNode("a"), livingNode("b"), livingNode("c", { isBack: false })]
    const due = member.answer(opened(nodes))
    expect(of(due, "sweep")).toEqual([{ type: "sweep", ledger: 500_000, spared: ["a", "b"] }])
    expect(of(due, "serve")).toEqual([])
    expect(beatOf(member.tell({ type: "ask" }))?.claims).toEqual([])
    member.answer(opened(nodes))
    const told = beatOf(member.tell({ type: "swept", ledger: 500_000 }))
    expect(told).toMatchObject({ knows: 500_000, swept: 500_000, claims: [] })
    // What it was given before it may run, under a later token, and claim what is free.
    const after = beatOf(member.answer(opened(nodes, { isSwept: true })))
    expect(after?.handOvers.map(({ shard, to }) => [shard, to])).toEqual([[1, "a"]])
    expect(after?.claims).not.toEqual([])
    expect(after?.swept).toBeNull()
  })

  test("#34 is swept by the first of the living, and by the next one when that one does not", () => {
    const member = new Member()
    const nodes = [livingNode("Z"), livingNode("a")]
    expect(of(member.answer(opened(nodes)), "sweep")).toEqual([])
    expect(of(member.answer(opened(nodes, { nowMs: 500_000 + 0.1 * LEASE_MS })), "sweep")).toHaveLength(1)
  })

  test("#34 is swept once at a time, again when that failed or was not heard, and again when it was opened again", () => {
    const member = new Member()
    const swept = () => of(member.answer(opened([livingNode("a")])), "sweep").length
    expect([swept(), swept()]).toEqual([1, 0])
    member.tell({ type: "sweep-failed", ledger: 500_000 })
    expect([swept(), swept()]).toEqual([1, 0])
    member.tell({ type: "swept", ledger: 500_000 })
    member.tell({ type: "no-answer" })
    expect([swept(), swept()]).toEqual([1, 0])
    const again = opened([livingNode("a")], { claimFromMs: 499_000 })
    expect(of(member.answer(again), "sweep")).toEqual([{ type: "sweep", ledger: 499_000, spared: ["a"] }])
    // The one before is over now, and is no news of this one.
    member.tell({ type: "swept", ledger: 500_000 })
    expect(of(member.answer(again), "sweep")).toEqual([])
  })

  test("leaves whoever runs its shards alone", () => {
    const member = owner()
    const effects = member.answer(book([livingNode("a")], Array(4).fill(held("a")), OPENED))
    expect(of(effects, "cut")).toEqual([])
    expect(of(effects, "sweep")).toEqual([{ type: "sweep", ledger: 500_000, spared: ["a"] }])
  })
})

describe("a second set of shards", () => {
  const BEGUN = { other: { firstSlot: 2, count: 4, isClosing: false } } as const
  /** Slots 0 and 1 are the bot's, 2 to 5 come up beside them; all are this node's. */
  const all = Array.from({ length: 6 }, () => held("a"))
  const begun = () => book([livingNode("a")], all, { set: firstSet(2), ...BEGUN })
  /** The new one is the bot's, and the old one closes. */
  const closing = (owners: readonly (Lease | null)[] = all) =>
    book([livingNode("a")], owners, { set: { firstSlot: 2, count: 4 }, other: { ...firstSet(2), isClosing: true } })

  test("runs beside the first one, in the same fleet", () => {
    const member = new Member()
    expect(of(member.answer(begun()), "serve").map(({ shard }) => shard)).toEqual([0, 1, 2, 3, 4, 5])
    const { set, held: told } = beatOf(member.tell({ type: "ask" })) ?? {}
    expect([set, told?.length]).toEqual([firstSet(2), 6])
  })

  test("is ended when it closes, each shard once, and told as ended", () => {
    const member = new Member()
    member.answer(begun())
    expect(of(member.answer(closing()), "retire").map(({ shard }) => shard)).toEqual([0, 1])
    expect(of(member.answer(closing()), "retire")).toEqual([])
    const told = beatOf(member.tell({ type: "drained", shard: 0, token: 1 }))
    expect(told?.handOvers).toEqual([{ shard: 0, token: 1, to: null, isPinned: false, isEnded: true }])
    expect(told?.set).toEqual({ firstSlot: 2, count: 4 })
  })

  test("is taken over from a crashed node also while it closes, to be ended; what has ended is taken by nobody", () => {
    const member = new Member()
    const ended = { ...held(null), isEnded: true }
    const free = closing([held(null), ended, ...all.slice(2)])
    member.answer(free)
    expect(beatOf(member.tell({ type: "ask" }))?.claims).toEqual([0])
    const taken = member.answer(closing([held("a", 2), ended, ...all.slice(2)]))
    expect(of(taken, "serve").map(({ shard }) => shard)).toEqual([0])
    expect(of(member.answer(closing([held("a", 2), ended, ...all.slice(2)])), "retire")).toHaveLength(1)
  })

  test("that the ledger knows nothing of any more is let go of at once", () => {
    const member = new Member()
    member.answer(begun())
    const forgotten = member.answer(book([livingNode("a")], all, { set: firstSet(2) }))
    expect(of(forgotten, "cut").map(({ shard }) => shard)).toEqual([2, 3, 4, 5])
    expect(of(member.answer(book([livingNode("a")], all, { set: firstSet(2) })), "serve")).toEqual([])
  })
})

test("what a beat has handed over is not run again under the same token: that beat may still arrive", () => {
  const member = new Member()
  const both = [livingNode("a"), livingNode("b")]
  member.answer(book(both, Array(4).fill(held("a"))))
  member.tell({ type: "move", shard: 0, to: "b" })
  expect(beatOf(member.tell({ type: "drained", shard: 0, token: 1 }))?.handOvers).toHaveLength(1)
  member.nowMs += LEASE_MS
  member.tell({ type: "expired" })
  member.tell({ type: "no-answer" })
  const back = member.answer(book(both, Array(4).fill(held("a"))))
  expect(of(back, "serve").map(({ shard }) => shard)).toEqual([1, 2, 3])
  // It goes on here under a later one.
  expect(beatOf(back)?.handOvers).toMatchObject([{ shard: 0, token: 1, to: "a" }])
})
