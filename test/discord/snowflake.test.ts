// Snowflakes, their shards and their times.

import { describe, expect, test } from "bun:test"
import { DISCORD_EPOCH_MS, isSnowflake, shardOf, snowflakeTimeMs } from "../../src/discord/snowflake.ts"

describe("snowflakes", () => {
  test("tell their shard and their time", () => {
    expect(shardOf("197038439483310086", 16)).toBe(Number((197038439483310086n >> 22n) % 16n))
    expect(snowflakeTimeMs("0")).toBe(DISCORD_EPOCH_MS)
    expect(new Date(snowflakeTimeMs("175928847299117063")).toISOString()).toBe("2016-04-30T11:18:25.796Z")
  })

  test.each([
    ["197038439483310086", true],
    ["0", true],
    ["18446744073709551615", true],
    ["18446744073709551616", false],
    ["-1", false],
    ["1e3", false],
    ["", false],
    ["123456789012345678901", false],
  ])("%p is one: %p", (text, expected) => expect(isSnowflake(text)).toBe(expected))
})
