import { describe, expect, test } from "bun:test"
import type { GatewayBot } from "../../src/gateway/gateway-bot.ts"
import { planShards } from "../../src/gateway/shard-plan.ts"

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
