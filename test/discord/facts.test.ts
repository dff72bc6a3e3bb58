// Discord's facts, held against its documentation where a slip would be easy.

import { describe, expect, test } from "bun:test"
import { closeRule, RESUMABLE_CLOSE_CODE } from "../../src/discord/close-codes.ts"
import { EVENT_INTENTS, isEventName } from "../../src/discord/events.ts"
import { gatewayUrl } from "../../src/discord/gateway-url.ts"
import { ALL_INTENTS, hasIntent, INTENT_BITS, type Intent, intentBits, intentNamed } from "../../src/discord/intents.ts"
import { DISCORD_EPOCH_MS, isSnowflake, shardOf, snowflakeTimeMs } from "../../src/discord/snowflake.ts"

describe("intents", () => {
  test("make up the documented number together", () => {
    expect(intentBits(Object.keys(INTENT_BITS) as Intent[])).toBe(ALL_INTENTS)
  })

  test("have aliases, and unknown names have none", () => {
    expect(intentNamed("GUILD")).toBe("GUILDS")
    expect(intentNamed("GUILD_BANS")).toBe("GUILD_MODERATION")
    expect(intentNamed("GUILDZ")).toBeUndefined()
    expect(intentNamed("toString")).toBeUndefined()
  })

  test("are found in a bit field", () => {
    expect(hasIntent(intentBits(["GUILD_MESSAGES"]), "GUILD_MESSAGES")).toBe(true)
    expect(hasIntent(intentBits(["GUILD_MESSAGES"]), "GUILDS")).toBe(false)
  })
})

describe("events", () => {
  test("are the 79 that Discord documents", () => {
    expect(Object.keys(EVENT_INTENTS).length).toBe(79)
    expect(isEventName("MESSAGE_CREATE")).toBe(true)
    expect(isEventName("constructor")).toBe(false)
  })
})

describe("close codes", () => {
  test("that stop say what to change, and others have no such sentence", () => {
    for (let code = 1000; code < 5000; code += 1) {
      const { action, remedy } = closeRule(code)
      expect(remedy !== undefined).toBe(action === "stop")
    }
  })

  test("ours keeps the session", () => {
    expect(RESUMABLE_CLOSE_CODE).not.toBeOneOf([1000, 1001])
  })
})

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

describe("the gateway's url", () => {
  test("#8 a resume carries the same query as the first connection", () => {
    const query = { version: 10, compression: "zstd" } as const
    expect(gatewayUrl("wss://gateway.discord.gg", query)).toBe(
      "wss://gateway.discord.gg/?v=10&encoding=json&compress=zstd-stream",
    )
    expect(gatewayUrl("wss://gateway-us-east1-b.discord.gg", query)).toBe(
      "wss://gateway-us-east1-b.discord.gg/?v=10&encoding=json&compress=zstd-stream",
    )
  })

  test("replaces what the url says itself", () => {
    expect(gatewayUrl("wss://host/path?v=6&compress=zlib-stream&x=1", { version: 10, compression: "none" })).toBe(
      "wss://host/path?v=10&x=1&encoding=json",
    )
  })
})
