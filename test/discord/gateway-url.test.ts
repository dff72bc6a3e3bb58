// The URL that is dialled.

import { describe, expect, test } from "bun:test"
import { gatewayUrl } from "../../src/discord/gateway-url.ts"

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
