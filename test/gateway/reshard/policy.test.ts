// How many shards, and what going there costs.

import { describe, expect, test } from "bun:test"
import { autoCount, reshardCost, whyNot } from "../../../src/gateway/reshard/policy.ts"

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
