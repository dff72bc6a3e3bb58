// What every exchange between the two sides of a pair must do.

import { describe, expect, test } from "bun:test"
import type { PairChange, Side } from "../../src/gateway/reshard/change.ts"
import type { ExchangeListener, Offer, PairExchange } from "../../src/gateway/reshard/exchange.ts"

/** Of a reshard from 2 to 4 shards, in two processes. */
export interface PairExchangesUnderTest {
  readonly one: PairExchange
  readonly other: PairExchange
  setPhase(phase: "opening" | "cutting" | "closing" | "undoing"): Promise<void>
  /** Another reshard runs by now. */
  supersede(): Promise<void>
  /** Resolves once both hear what is told. */
  listening(): Promise<void>
  close(): Promise<void>
}

const POLL_MS = 5
const PAIR = { old: 1, new: 3 } as const
const offerOf = (attempt: string): Offer => ({
  attempt,
  place: { sessionId: "old", sequence: 2 ** 33 },
  tails: new Map([
    ["197038439483310086", ["a", "b"]],
    ["", ["c"]],
  ]),
})
const changeOf = (attempt: string, to: Side = "new"): PairChange => ({
  ...{ attempt, to, old: { sessionId: "old", sequence: 2 ** 33 }, new: { sessionId: "new", sequence: 7 } },
  streams: new Map([["197038439483310086", 5]]),
})

/** @param open one whose phase is cutting */
export function pairExchangeContract(name: string, open: () => Promise<PairExchangesUnderTest>): void {
  const exchange = (title: string, run: (under: PairExchangesUnderTest) => Promise<void>) =>
    test(title, async () => {
      const under = await open()
      try {
        await run(under)
      } finally {
        await under.close()
      }
    })

  describe(`the ${name} exchange between the sides of a pair`, () => {
    exchange("stores a change that both have agreed on, and tells it to both", async ({ one, other, listening }) => {
      const heard = [listen(one), listen(other)]
      await listening()
      await other.ask(PAIR, "new", null)
      await other.ask(PAIR, "new", "1")
      expect(await one.offer(PAIR, "new", offerOf("1"))).toBe(true)
      expect(await other.settle(PAIR, changeOf("1"))).toBe(true)
      const told = [
        ["asked", PAIR, "new", null],
        ["asked", PAIR, "new", "1"],
        ["offered", PAIR, "new", offerOf("1")],
        ["settled", PAIR, changeOf("1")],
      ]
      // In a cluster not in this order.
      for (const news of heard) {
        while (news.length < told.length) await Bun.sleep(POLL_MS)
        expect(news).toEqual(expect.arrayContaining(told))
      }
      expect(await one.read("old", 1)).toEqual(
        new Map<number, readonly PairChange[]>([
          [1, []],
          [3, [changeOf("1")]],
        ]),
      )
      expect(await one.read("new", 3)).toEqual(new Map([[1, [changeOf("1")]]]))
    })

    exchange("stores a change once, however often it is asked to", async ({ one, other }) => {
      await one.offer(PAIR, "new", offerOf("1"))
      expect(await other.settle(PAIR, changeOf("1"))).toBe(true)
      expect(await other.settle(PAIR, changeOf("1"))).toBe(true)
      expect((await one.read("new", 3)).get(1)).toEqual([changeOf("1")])
    })

    exchange("stores nothing that was not offered, or was withdrawn", async ({ one, other }) => {
      expect(await other.settle(PAIR, changeOf("1"))).toBe(false)
      await one.offer(PAIR, "new", offerOf("2"))
      expect(await other.settle(PAIR, changeOf("1"))).toBe(false)
      expect(await one.withdraw(PAIR, "2")).toEqual({ type: "withdrawn" })
      expect(await one.withdraw(PAIR, "2")).toEqual({ type: "withdrawn" })
      expect(await other.settle(PAIR, changeOf("2"))).toBe(false)
      expect((await one.read("new", 3)).get(1)).toEqual([])
    })

    exchange("tells who withdraws too late what was stored", async ({ one, other }) => {
      await one.offer(PAIR, "new", offerOf("1"))
      await other.settle(PAIR, changeOf("1"))
      expect(await one.withdraw(PAIR, "1")).toEqual({ type: "over", change: changeOf("1") })
    })

    exchange("withdraws no later attempt than the one that is named", async ({ one, other }) => {
      await one.offer(PAIR, "new", offerOf("2"))
      await one.withdraw(PAIR, "1")
      expect(await other.settle(PAIR, changeOf("2"))).toBe(true)
    })

    exchange("ends the attempts of a shard that begins, whichever side it is", async ({ one, other }) => {
      for (const [side, shard] of [
        ["old", 1],
        ["new", 3],
      ] as const) {
        await one.offer(PAIR, "new", offerOf(side))
        const owner = side === "old" ? one : other
        expect([...(await owner.begin(side, shard)).values()].flat()).toEqual([])
        expect(await other.settle(PAIR, changeOf(side))).toBe(false)
      }
      await one.offer(PAIR, "new", offerOf("1"))
      await other.begin("new", 1)
      expect(await other.settle(PAIR, changeOf("1"))).toBe(true)
      expect((await one.begin("old", 1)).get(3)).toEqual([changeOf("1")])
    })

    exchange(
      "takes nothing from who had a shard before somebody else began with it, however late it comes",
      async ({ one, other }) => {
        await one.begin("old", 1)
        await other.begin("new", 3)
        await other.begin("old", 1)
        expect(await one.offer(PAIR, "new", offerOf("1"))).toBe(false)
        expect(await other.offer(PAIR, "new", offerOf("2"))).toBe(true)
        await one.begin("new", 3)
        expect(await other.offer(PAIR, "new", offerOf("3"))).toBe(true)
        expect(await other.settle(PAIR, changeOf("3"))).toBe(false)
        expect(await one.settle(PAIR, changeOf("3"))).toBe(true)
      },
    )

    exchange("lets guilds go the way that the phase allows, and no other", async ({ one, other, setPhase }) => {
      await one.offer(PAIR, "new", offerOf("1"))
      for (const phase of ["opening", "closing", "undoing"] as const) {
        await setPhase(phase)
        expect(await other.settle(PAIR, changeOf("1"))).toBe(false)
        expect(await one.offer(PAIR, "new", offerOf("2"))).toBe(false)
      }
      await setPhase("cutting")
      expect(await other.offer(PAIR, "old", offerOf("3"))).toBe(false)
      expect(await other.settle(PAIR, changeOf("1"))).toBe(true)
      await setPhase("undoing")
      expect(await other.offer(PAIR, "old", offerOf("4"))).toBe(true)
      expect(await one.settle(PAIR, changeOf("4", "old"))).toBe(true)
      expect((await one.read("old", 1)).get(3)).toEqual([changeOf("1"), changeOf("4", "old")])
    })

    exchange("stores again what it has forgotten, and never less than it has", async ({ one, other }) => {
      const both = [changeOf("1"), changeOf("2", "old")]
      await one.restore(PAIR, both)
      expect((await other.read("new", 3)).get(1)).toEqual(both)
      await one.restore(PAIR, both.slice(0, 1))
      expect((await other.read("new", 3)).get(1)).toEqual(both)
    })

    exchange("tells that an attempt was declined", async ({ one, other, listening }) => {
      const heard = listen(one)
      await listening()
      await other.decline(PAIR, "1")
      while (heard.length === 0) await Bun.sleep(POLL_MS)
      expect(heard).toEqual([["declined", PAIR, "1"]])
    })

    exchange("has no part in another reshard", async ({ one, other, supersede }) => {
      await one.offer(PAIR, "new", offerOf("1"))
      await other.settle(PAIR, changeOf("1"))
      await supersede()
      expect(await one.offer(PAIR, "new", offerOf("2"))).toBe(false)
      expect(await other.settle(PAIR, changeOf("2"))).toBe(false)
      await one.restore(PAIR, [changeOf("1"), changeOf("2")])
      expect([...(await one.begin("new", 3)).values()].flat()).toEqual([])
    })
  })
}

function listen(exchange: PairExchange): unknown[] {
  const heard: unknown[] = []
  const listener: ExchangeListener = {
    asked: (...news) => heard.push(["asked", ...news]),
    offered: (...news) => heard.push(["offered", ...news]),
    declined: (...news) => heard.push(["declined", ...news]),
    settled: (...news) => heard.push(["settled", ...news]),
  }
  exchange.listen(listener)
  return heard
}
