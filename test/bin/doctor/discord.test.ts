import { describe, expect, test } from "bun:test"
import { discordFindings } from "../../../src/bin/doctor/discord.ts"
import { readGatewayConfig } from "../../../src/config/read-gateway-config.ts"
import { TOKEN } from "../../fixtures/gateway-process.ts"

const NOW_MS = Date.parse("2026-11-23T12:00:00Z")
const ALL_LIMITED = (1 << 13) | (1 << 15) | (1 << 19)
const BOT = {
  url: "wss://gateway.discord.gg",
  shards: 2,
  session_start_limit: { total: 1000, remaining: 998, reset_after: 3_600_000, max_concurrency: 1 },
}

interface Answers {
  readonly date?: string
  readonly status?: Readonly<Record<string, number>>
  readonly flags?: number
  readonly remaining?: number
  readonly intents?: string
}

async function findings({
  date = "Mon, 23 Nov 2026 12:00:00 GMT",
  status = {},
  flags = 0,
  remaining = 998,
  intents = "GUILDS",
}: Answers) {
  const env = { DISCORD_TOKEN: TOKEN, DISCORD_EVENTS: "MESSAGE_CREATE", DISCORD_INTENTS: intents }
  const { config } = readGatewayConfig({ file: null, env, isTerminal: false, readText: () => "" })
  const bodies: Readonly<Record<string, unknown>> = {
    "/gateway": { url: BOT.url },
    "/users/@me": { id: "1", username: "carl" },
    "/gateway/bot": { ...BOT, session_start_limit: { ...BOT.session_start_limit, remaining } },
    "/applications/@me": { flags },
  }
  const found = await discordFindings({
    config,
    now: () => NOW_MS,
    fetch: async (url) => {
      const path = url.slice("https://discord.com/api/v10".length)
      if (status[path] === 0) throw new Error("no route to host.")
      return Response.json(bodies[path], { status: status[path] ?? 200, headers: { Date: date } })
    },
  })
  expect(JSON.stringify(found)).not.toContain(TOKEN)
  return found.map(({ subject, verdict, says, advice = "" }) => `${verdict} ${subject}: ${says} → ${advice}`)
}

describe("discordFindings", () => {
  test("finds nothing wrong with a bot that is well", async () => {
    expect(
      await findings({ intents: "GUILDS,GUILD_MEMBERS,GUILD_PRESENCES,MESSAGE_CONTENT", flags: ALL_LIMITED }),
    ).toEqual([
      "ok Discord: https://discord.com/api/v10/gateway answered 200 after 0 ms → ",
      "ok clock: within 5 s of Discord's → ",
      "ok token: of the bot carl (1) → ",
      "ok sessions: 998 of 1000 left today, Discord recommends 2 shards → ",
      "ok intents: GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT: granted → ",
    ])
  })

  test("names the privileged intents that were not granted, and asks for none that is not wanted", async () => {
    const found = await findings({ intents: "GUILD_MEMBERS,MESSAGE_CONTENT", flags: 1 << 14 })
    expect(found.at(-1)).toBe(
      "FAIL intents: MESSAGE_CONTENT: not granted, so Discord would close with 4014 → Switch them on at https://discord.com/developers/applications › Bot › Privileged Gateway Intents, or take them out of intents.",
    )
    expect((await findings({ status: { "/applications/@me": 500 } })).at(-1)).toBe(
      "ok intents: none of them is privileged → ",
    )
  })

  test("stops at a token that Discord refuses", async () => {
    const found = await findings({ status: { "/users/@me": 401 } })
    expect(found).toHaveLength(3)
    expect(found.at(-1)).toStartWith(
      "FAIL token: Discord refuses it (401) → Reset it at https://discord.com/developers",
    )
  })

  test("asks nothing more of a Discord that cannot be reached", async () => {
    const found = await findings({ status: { "/gateway": 0 } })
    expect(found).toEqual([
      expect.stringContaining("FAIL Discord: https://discord.com/api/v10/gateway cannot be reached: no route"),
    ])
  })

  test("tells how far the clock is off, and in which direction", async () => {
    expect((await findings({ date: "Mon, 23 Nov 2026 11:58:00 GMT" }))[1]).toStartWith(
      "FAIL clock: 120 s ahead of Discord's",
    )
    expect((await findings({ date: "Mon, 23 Nov 2026 12:01:00 GMT" }))[1]).toStartWith(
      "FAIL clock: 61 s behind Discord's",
    )
  })

  test("fails when fewer sessions are left than shards and the reserve need", async () => {
    expect((await findings({ remaining: 51 })).at(-2)).toBe(
      "FAIL sessions: 51 of 1000 left today, Discord recommends 2 shards → Too few for 2 shards and the reserve of 50: wait 60 min, or lower identify.reserve.",
    )
  })

  test("says what else Discord answered", async () => {
    const found = await findings({ intents: "GUILD_MEMBERS", status: { "/gateway/bot": 500, "/applications/@me": 0 } })
    expect(found.at(-2)).toContain("FAIL sessions: https://discord.com/api/v10/gateway/bot answered 500")
    expect(found.at(-1)).toContain("FAIL intents: /applications/@me: no route to host")
  })
})
