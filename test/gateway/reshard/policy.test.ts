// How many shards, and what going there costs.

import { describe, expect, test } from "bun:test"
import { autoCount, chooseCount, reshardCost, whyNot } from "../../../src/gateway/reshard/policy.ts"

const LIMIT = { total: 1_000, remaining: 1_000, resetAfterMs: 1, maxConcurrency: 1 }

describe("auto", () => {
  test("leaves a bot alone whose shards have few enough guilds", () => {
    expect(autoCount(8, 8 * 1_800, 1)).toBeNull()
  })

  test("doubles, so that each new shard takes over from one old shard", () => {
    expect(autoCount(8, 8 * 1_800 + 1, 1)).toBe(16)
    expect(autoCount(1, 4_000, 1)).toBe(4)
  })

  test("takes a multiple of what Discord assigned", () => {
    expect((autoCount(40, 100_000, 16) ?? 0) % 16).toBe(0)
  })
})

test("the cost is an identify a new shard, at Discord's pace", () => {
  expect(reshardCost(8, 16, LIMIT, 50)).toEqual({
    identifies: 16,
    openingMs: 15 * 5_250,
    handOvers: 16,
    fitsBudget: true,
  })
  expect(reshardCost(16, 12, { ...LIMIT, maxConcurrency: 16 }, 50)).toMatchObject({ openingMs: 0, handOvers: 48 })
  expect(reshardCost(8, 16, { ...LIMIT, remaining: 60 }, 50).fitsBudget).toBe(false)
})

test.each([
  [8, 8, 100, 1, "that is what the bot has"],
  [8, 16, 50_000, 1, "take 20 or more"],
  [16, 40, 100, 16, "take 48"],
])("from %d to %d with %d guilds and max_concurrency %d is refused", (from, to, guilds, maxConcurrency, why) => {
  expect(whyNot(from, to, guilds, maxConcurrency)).toContain(why)
})

test("what Discord takes is not refused", () => {
  expect(whyNot(8, 16, 20_000, 1)).toBeNull()
})

describe("a choice", () => {
  const facts = { from: 8, guilds: 1_000, maxConcurrency: 1, capacity: 100 }

  test("is what the operator says, where Discord and the gateways can take it", () => {
    expect(chooseCount(16, facts)).toEqual({ type: "reshard", to: 16 })
    expect(chooseCount(16, { ...facts, guilds: null })).toEqual({ type: "reshard", to: 16 })
    expect(chooseCount(8, facts)).toMatchObject({ type: "refused" })
  })

  test("is refused where the gateways have no room for both sets", () => {
    expect(chooseCount(16, { ...facts, capacity: 23 })).toMatchObject({
      reason: expect.stringContaining("24 shards, and the gateways take 23; raise shards.max"),
    })
  })

  test("is none where the bot has not outgrown its shards, or nobody knows", () => {
    expect(chooseCount("auto", facts)).toMatchObject({ type: "enough" })
    expect(chooseCount("auto", { ...facts, guilds: 20_000 })).toEqual({ type: "reshard", to: 16 })
    expect(chooseCount("auto", { ...facts, guilds: null })).toMatchObject({ type: "refused" })
  })
})
