import { describe, expect, test } from "bun:test"
import { fetchGatewayBot, GatewayBotRefusedError, GatewayBotUnavailableError } from "../../src/gateway/gateway-bot.ts"

const BODY = {
  url: "wss://gateway.discord.gg",
  shards: 2,
  session_start_limit: { total: 1_000, remaining: 999, reset_after: 14_400_000, max_concurrency: 1 },
}

const ask = (answer: () => Response | Promise<Response>) =>
  fetchGatewayBot({
    apiUrl: "https://discord.com/api/v10",
    token: () => "secret-token",
    fetch: async () => answer(),
    signal: new AbortController().signal,
  })

describe("asking for the gateway", () => {
  test("reads Discord's answer", async () => {
    expect(await ask(() => Response.json(BODY))).toEqual({
      url: "wss://gateway.discord.gg",
      shards: 2,
      startLimit: { total: 1_000, remaining: 999, resetAfterMs: 14_400_000, maxConcurrency: 1 },
    })
  })

  test("#36 a refused token is a sentence that says what to change, without the token", async () => {
    const error = await ask(() => new Response("{}", { status: 401 })).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(GatewayBotRefusedError)
    expect(String(error)).toContain("DISCORD_TOKEN")
    expect(String(error)).not.toContain("secret-token")
  })

  test.each([
    ["an HTML page", () => new Response("<html>")],
    ["a 404", () => new Response("{}", { status: 404 })],
    ["no url", () => Response.json({ ...BODY, url: undefined })],
    ["a url that no WebSocket takes", () => Response.json({ ...BODY, url: "ftp://gateway.discord.gg" })],
    ["no limit", () => Response.json({ ...BODY, session_start_limit: null })],
    [
      "a concurrency of 0",
      () => Response.json({ ...BODY, session_start_limit: { ...BODY.session_start_limit, max_concurrency: 0 } }),
    ],
  ])("%s is not Discord: it says which settings to correct", async (_what, answer) => {
    const error = await ask(answer).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(GatewayBotRefusedError)
    expect(String(error)).toContain("api.host")
  })

  test("an outage, a limit and a dead line can be tried again", async () => {
    const limited = new Response("{}", { status: 429, headers: { "Retry-After": "2.5" } })
    for (const answer of [
      () => new Response("", { status: 503 }),
      () => limited,
      () => Promise.reject(new Error("ECONNREFUSED")),
    ]) {
      expect(await ask(answer).catch((caught: unknown) => caught)).toBeInstanceOf(GatewayBotUnavailableError)
    }
    const error = await ask(() => new Response("{}", { status: 429, headers: { "Retry-After": "2.5" } })).catch(
      (e) => e,
    )
    expect(error.retryAfterMs).toBe(2_500)
  })
})
