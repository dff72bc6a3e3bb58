import { describe, expect, test } from "bun:test"
import type { GatewayBot } from "../../src/gateway/gateway-bot.ts"
import { planShards, sharedSet } from "../../src/gateway/shard-plan.ts"
import { firstSet } from "../../src/gateway/shard-set.ts"

const gatewayBot = (shards: number, maxConcurrency = 1): GatewayBot => ({
  url: "wss://gateway.example/",
  shards,
  startLimit: { total: 1_000, remaining: 1_000, resetAfterMs: 0, maxConcurrency },
})

describe("planning shards", () => {
  test("runs all that Discord recommends where nothing is configured", () => {
    expect(planShards({}, gatewayBot(3))).toEqual({ plan: { count: 3, ids: [0, 1, 2] }, warnings: [] })
  })

  test("takes the count and the ids of the configuration", () => {
    expect(planShards({ count: 4 }, gatewayBot(1)).plan).toEqual({ count: 4, ids: [0, 1, 2, 3] })
    expect(planShards({ count: 8, ids: [2, 5] }, gatewayBot(1)).plan).toEqual({ count: 8, ids: [2, 5] })
  })

  test("warns of a count that Discord may refuse", () => {
    expect(planShards({ count: 2 }, gatewayBot(4)).warnings[0]).toContain("4011")
    expect(planShards({ count: 40 }, gatewayBot(32, 16)).warnings[0]).toContain("a multiple of 16")
    expect(planShards({ count: 48 }, gatewayBot(32, 16)).warnings).toEqual([])
  })
})

describe("the set that processes share", () => {
  const shards = { set: { firstSlot: 8, count: 16 }, hasMembers: false, capacity: 0, configured: 8 }

  test("is the new one after a reshard, for as long as the configuration says what it said then, or the new count", () => {
    expect(sharedSet(8, shards)).toEqual(shards.set)
    expect(sharedSet(16, shards)).toEqual(shards.set)
    expect(sharedSet(undefined, shards)).toEqual(shards.set)
    expect(sharedSet(32, shards)).toBeNull()
  })

  test("of a bot that was never resharded is that of the others, where the configuration says none", () => {
    const never = { ...shards, set: firstSet(4), configured: null }
    expect(sharedSet(undefined, never)).toBeNull()
    expect(sharedSet(undefined, { ...never, hasMembers: true })).toEqual(firstSet(4))
    expect(sharedSet(2, { ...never, hasMembers: true })).toBeNull()
    expect(sharedSet(undefined, null)).toBeNull()
  })
})
