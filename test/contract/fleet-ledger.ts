// What every ledger of leases must do.

import { describe, expect, test } from "bun:test"
import type { Answer, Beat, HandedOver, Ledger } from "../../src/gateway/fleet/ledger.ts"
import { firstSet } from "../../src/gateway/shard-set.ts"
import { PLAIN_NODE, QUIET_BEAT } from "../fixtures/beats.ts"
import type { LedgerPart } from "../gateway/fleet/model-ledger.ts"

/** Longer than a test takes, however loaded the machine is. */
const LONG_MS = 60_000
const SHORT_MS = 100

export interface LedgerUnderTest {
  readonly ledger: Ledger
  /** Lets time pass on the ledger's clock, at least so much. */
  pass(ms: number): Promise<void>
  /** Another server, which knows all or nothing of it. */
  restart(lost: "nothing" | "all"): Promise<void>
  /** The same server, which has evicted a key. */
  evict(part: LedgerPart): Promise<void>
  close(): Promise<void>
}

const beat = (id: string, more: Partial<Beat> = {}, node: Partial<Beat["node"]> = {}): Beat => ({
  ...QUIET_BEAT,
  node: { id, ...PLAIN_NODE, ...node },
  ...{ set: firstSet(4), leaseMs: LONG_MS },
  ...more,
})
const handOver = (shard: number, token: number, to: string | null): HandedOver => ({
  shard,
  token,
  to,
  isPinned: false,
  isEnded: false,
})
const lease = ({ book }: Answer, shard: number) => book.leases.get(shard)
const owner = (answer: Answer, shard: number) => lease(answer, shard)?.owner
const token = (answer: Answer, shard: number) => lease(answer, shard)?.token ?? 0
const ids = ({ book }: Answer) => book.nodes.map((node) => node.id).sort()
const dead = ({ book }: Answer) => book.nodes.filter(({ isDead }) => isDead).map((node) => node.id)

/** @param open a ledger that was never used */
export function ledgerContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  /** @param leaseMs nobody takes anything in a new ledger for that long; then everybody may */
  const withLedger = async (leaseMs: number, run: (under: LedgerUnderTest, ledger: Ledger) => Promise<void>) => {
    const under = await open()
    try {
      const { book } = await under.ledger.exchange(beat("opener", { leaseMs: SHORT_MS }))
      await under.ledger.exchange(beat("opener", { isLeaving: true, swept: book.claimFromMs, leaseMs: SHORT_MS }))
      await under.pass(leaseMs)
      await run(under, under.ledger)
    } finally {
      await under.close()
    }
  }

  describe(`the ${name} ledger`, () => {
    test("gives nobody a shard for the first lease, since somebody it does not know may have it", async () => {
      const under = await open()
      const first = await under.ledger.exchange(beat("a", { claims: [0], leaseMs: SHORT_MS }))
      expect(first.type).toBe("member")
      expect(lease(first, 0)).toBeUndefined()
      expect(first.book.claimFromMs).toBe(first.book.nowMs + SHORT_MS)
      await under.pass(SHORT_MS)
      const swept = first.book.claimFromMs
      expect(owner(await under.ledger.exchange(beat("a", { claims: [0], swept, leaseMs: SHORT_MS })), 0)).toBe("a")
      await under.close()
    })

    test("#34 gives nobody a shard before it is told that all who are not back were kept from writing", async () => {
      const under = await open()
      const claims = (swept: number | null) =>
        under.ledger.exchange(beat("a", { claims: [0], swept, leaseMs: SHORT_MS }))
      const { claimFromMs } = (await claims(null)).book
      await under.pass(SHORT_MS)
      for (const swept of [null, claimFromMs - 1]) {
        const refused = await claims(swept)
        expect(refused.book.isSwept).toBe(false)
        expect(lease(refused, 0)).toBeUndefined()
      }
      const given = await claims(claimFromMs)
      expect(given.book.isSwept).toBe(true)
      expect(owner(given, 0)).toBe("a")
      await under.close()
    })

    test("#34 a node is back once it has beaten and knew that the ledger was opened", () =>
      withLedger(SHORT_MS, async (under, ledger) => {
        const isBack = async (knows: number | null) =>
          (await ledger.exchange(beat("a", { knows }))).book.nodes.find(({ id }) => id === "a")?.isBack
        const opened = async () => (await ledger.exchange(beat("b"))).book.claimFromMs
        const before = await opened()
        expect(await isBack(null)).toBe(false)
        expect(await isBack(before)).toBe(true)
        await under.restart("nothing")
        const { book } = await ledger.exchange(beat("b"))
        expect(book.nodes.map((node) => node.isBack)).toEqual([false, false])
        expect(book.isSwept).toBe(false)
        // A beat from before, which was long on its way.
        expect(await isBack(before)).toBe(false)
        expect(await isBack(await opened())).toBe(true)
      }))

    test("gives a shard to one node only", () =>
      withLedger(SHORT_MS, async (_, ledger) => {
        const first = await ledger.exchange(beat("a", { claims: [0, 1] }))
        const second = await ledger.exchange(beat("b", { claims: [1, 2, 9] }))
        expect([0, 1, 2].map((shard) => owner(second, shard))).toEqual(["a", "a", "b"])
        expect(lease(second, 9)).toBeUndefined()
        expect(token(second, 1)).toBe(token(first, 1))
        expect(ids(second)).toEqual(["a", "b"])
      }))

    test("tells what every node says of itself", () =>
      withLedger(SHORT_MS, async (_, ledger) => {
        await ledger.exchange(
          beat(
            "a",
            {},
            {
              weight: 2.5,
              capacity: 7,
              isDraining: true,
              isBusy: true,
              invites: [{ shard: 3, token: 1_764_000_000_000 }],
            },
          ),
        )
        const { book } = await ledger.exchange(beat("b"))
        const { deadlineMs, ...rest } = book.nodes.find(({ id }) => id === "a") ?? { deadlineMs: 0 }
        expect(rest).toEqual({
          id: "a",
          weight: 2.5,
          capacity: 7,
          isDraining: true,
          isBusy: true,
          invites: [{ shard: 3, token: 1_764_000_000_000 }],
          isDead: false,
          isBack: false,
        } as never)
        expect(deadlineMs).toBeGreaterThan(book.nowMs)
      }))

    test("hands a shard over with a later token, once", () =>
      withLedger(SHORT_MS, async (_, ledger) => {
        await ledger.exchange(beat("b"))
        const before = await ledger.exchange(beat("a", { claims: [0] }))
        const given = handOver(0, token(before, 0), "b")
        const after = await ledger.exchange(beat("a", { handOvers: [{ ...given, isPinned: true }] }))
        expect(lease(after, 0)).toMatchObject({ owner: "b", isPinned: true })
        expect(token(after, 0)).toBeGreaterThan(token(before, 0))
        const again = await ledger.exchange(beat("a", { handOvers: [{ ...given, to: "c" }] }))
        expect(lease(again, 0)).toEqual(lease(after, 0))
      }))

    test("gives a shard that its owner hands to itself a later token", () =>
      withLedger(SHORT_MS, async (_, ledger) => {
        const before = await ledger.exchange(beat("a", { claims: [0] }))
        const after = await ledger.exchange(beat("a", { handOvers: [handOver(0, token(before, 0), "a")] }))
        expect(owner(after, 0)).toBe("a")
        expect(token(after, 0)).toBeGreaterThan(token(before, 0))
      }))

    test("frees a shard that is handed to nobody, or to a node that is not there", () =>
      withLedger(SHORT_MS, async (_, ledger) => {
        const before = await ledger.exchange(beat("a", { claims: [0, 1] }))
        const handOvers = [handOver(0, token(before, 0), null), handOver(1, token(before, 1), "gone")]
        const after = await ledger.exchange(beat("a", { handOvers }))
        expect([owner(after, 0), owner(after, 1)]).toEqual([null, null])
        const taken = await ledger.exchange(beat("b", { claims: [0] }))
        expect(token(taken, 0)).toBeGreaterThan(token(before, 0))
      }))

    test("forgets a node that leaves, and frees what it had", () =>
      withLedger(SHORT_MS, async (_, ledger) => {
        await ledger.exchange(beat("a", { claims: [0] }))
        const left = await ledger.exchange(beat("a", { isLeaving: true }))
        expect(ids(left)).toEqual([])
        expect(owner(await ledger.exchange(beat("b")), 0)).toBeNull()
      }))

    test("#34 a node whose lease passed keeps its shards from others until it is fenced, and then has none", () =>
      withLedger(SHORT_MS, async (under, ledger) => {
        const before = await ledger.exchange(beat("a", { claims: [0], leaseMs: SHORT_MS }))
        await under.pass(SHORT_MS)
        // Nobody beat for so long that it may have been the ledger's fault: there is a time to come back.
        await ledger.exchange(beat("b", { leaseMs: SHORT_MS }))
        await under.pass(SHORT_MS)
        const noticed = await ledger.exchange(beat("b", { claims: [0] }))
        expect(dead(noticed)).toEqual(["a"])
        expect(owner(noticed, 0)).toBe("a")
        const late = await ledger.exchange(beat("a", { held: [{ shard: 0, token: token(before, 0) }] }))
        expect(late.type).toBe("fenced")
        const freed = await ledger.exchange(beat("b", { fenced: ["a"], claims: [0] }))
        expect(owner(freed, 0)).toBe("b")
        const back = await ledger.exchange(beat("a", { held: [{ shard: 0, token: token(before, 0) }] }))
        expect(back.type).toBe("member")
        expect(owner(back, 0)).toBe("b")
      }))

    test("fences nobody whose lease holds", () =>
      withLedger(SHORT_MS, async (_, ledger) => {
        await ledger.exchange(beat("a", { claims: [0] }))
        const after = await ledger.exchange(beat("b", { fenced: ["a"], claims: [0] }))
        expect(owner(after, 0)).toBe("a")
        expect(ids(after)).toEqual(["a", "b"])
      }))

    test("lets a late node stay that nobody has missed yet", () =>
      withLedger(SHORT_MS, async (under, ledger) => {
        await ledger.exchange(beat("a", { claims: [0], leaseMs: SHORT_MS }))
        await under.pass(SHORT_MS)
        const late = await ledger.exchange(beat("a"))
        expect(late.type).toBe("member")
        expect(owner(late, 0)).toBe("a")
      }))

    test("takes another number of shards from nobody while there are others, and begins anew when there are none", () =>
      withLedger(SHORT_MS, async (_, ledger) => {
        await ledger.exchange(beat("a", { claims: [0] }))
        const other = await ledger.exchange(beat("b", { set: firstSet(8) }))
        expect(other.type).toBe("other-count")
        expect(other.book.set).toEqual(firstSet(4))
        await ledger.exchange(beat("a", { isLeaving: true }))
        const alone = await ledger.exchange(beat("b", { set: firstSet(8), claims: [7] }))
        expect(alone.type).toBe("member")
        expect(owner(alone, 7)).toBe("b")
      }))

    test("tells a newcomer how many shards the others run, if there are others", () =>
      withLedger(SHORT_MS, async (_, ledger) => {
        expect(await ledger.shards()).toEqual({ set: firstSet(4), hasMembers: false, capacity: 0, configured: null })
        await ledger.exchange(beat("a"))
        expect(await ledger.shards()).toEqual({ set: firstSet(4), hasMembers: true, capacity: 100, configured: null })
      }))

    for (const lost of ["nothing", "all"] as const) {
      test(`after a restart that lost ${lost} gives nobody a shard for a lease, but to those that have it`, () =>
        withLedger(SHORT_MS, async (under, ledger) => {
          const before = await ledger.exchange(beat("a", { claims: [0, 1] }))
          await under.restart(lost)
          const early = await ledger.exchange(beat("b", { claims: [0, 2], leaseMs: SHORT_MS }))
          expect(lease(early, 2)).toBeUndefined()
          const held = [0, 1].map((shard) => ({ shard, token: token(before, shard) }))
          const back = await ledger.exchange(beat("a", { held, leaseMs: SHORT_MS }))
          expect([0, 1].map((shard) => [owner(back, shard), token(back, shard)])).toEqual(
            held.map((one) => ["a", one.token]),
          )
        }))
    }

    for (const part of ["about", "nodes", "leases", "changes"] as const) {
      test(`#34 is opened anew when its ${part} alone are gone: who is there keeps its shards, and nobody else's are lost for good`, () =>
        withLedger(SHORT_MS, async (under, ledger) => {
          const before = await ledger.exchange(beat("a", { claims: [0] }))
          await ledger.exchange(beat("gone", { claims: [1], leaseMs: SHORT_MS }))
          // It knows the ledger as it is.
          await ledger.exchange(beat("a"))
          await under.evict(part)
          const held = [{ shard: 0, token: token(before, 0) }]
          const first = await ledger.exchange(beat("a", { held, claims: [2], leaseMs: SHORT_MS }))
          const { claimFromMs } = first.book
          expect(first.book.isSwept).toBe(false)
          await under.pass(SHORT_MS)
          const early = await ledger.exchange(beat("a", { held, claims: [2], leaseMs: SHORT_MS }))
          expect([lease(early, 0)?.owner, lease(early, 2)]).toEqual(["a", undefined])
          expect(token(early, 0)).toBe(token(before, 0))
          const swept = await ledger.exchange(beat("a", { held, swept: claimFromMs, claims: [2] }))
          expect([owner(swept, 0), owner(swept, 2)]).toEqual(["a", "a"])
          // The node that did not come back is fenced where it is listed; else it was swept.
          await under.pass(SHORT_MS)
          const fenced = dead(await ledger.exchange(beat("a", { held })))
          expect(fenced).toEqual(part === "nodes" ? [] : ["gone"])
          const after = await ledger.exchange(beat("a", { held, fenced, claims: [1] }))
          expect(owner(after, 1)).toBe("a")
          expect(token(after, 1)).toBeGreaterThan(token(before, 0))
        }))
    }

    test("writes in again who holds a later token than the one it knows", () =>
      withLedger(SHORT_MS, async (under, ledger) => {
        const before = await ledger.exchange(beat("a", { claims: [0] }))
        await under.restart("nothing")
        const held = [{ shard: 0, token: token(before, 0) + 5 }]
        const after = await ledger.exchange(beat("b", { held }))
        expect([owner(after, 0), token(after, 0)]).toEqual(["b", token(before, 0) + 5])
        const earlier = await ledger.exchange(beat("c", { held: [{ shard: 0, token: token(before, 0) }] }))
        expect(owner(earlier, 0)).toBe("b")
      }))
  })
}
