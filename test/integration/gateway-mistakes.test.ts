// What an operator sees after a mistake: one sentence that says what to change, no stack, and an exit code that is not 0.

import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"

let discord: Simulator

beforeAll(async () => {
  discord = await startSimulator({ token: TOKEN, guilds: 1, grantedIntents: ["GUILD_MEMBERS"] })
})

afterAll(() => discord.stop())

async function run(settings: Record<string, string>): Promise<{ readonly code: number; readonly errors: string }> {
  const gateway = await startGatewayProcess(discord, settings)
  const code = await gateway.exited
  const errors = await gateway.errors
  await gateway.stop()
  return { code, errors }
}

describe("#36 a mistake is one sentence that says what to change, with no stack, and exit code 1:", () => {
  test.each([
    ["a wrong token", { DISCORD_TOKEN: "wrong-token" }, "DISCORD_TOKEN"],
    ["an empty token", { DISCORD_TOKEN: "" }, "DISCORD_TOKEN"],
    ["an intent that was not granted", { DISCORD_INTENTS: "MESSAGE_CONTENT" }, "privileged intent"],
    ["an intent that does not exist", { DISCORD_INTENTS: "GUILD_MESAGES" }, "GUILD_MESSAGES"],
    [
      "intents that Discord does not know",
      { DISCORD_INTENTS: "", DISCORD_RAW_INTENTS: String(2 ** 30) },
      "raw_intents",
    ],
    ["a shard that cannot be", { DISCORD_SHARD_COUNT: "2", DISCORD_SHARD_IDS: "2" }, "shards.ids"],
    ["a broker that needs an address", { BROKER_TYPE: "redis" }, "redis.url"],
    ["a broker that there is not", { BROKER_TYPE: "kafka" }, "broker.type"],
    ["a log level that there is not", { LOG_LEVEL: "loud" }, "log.level"],
    [
      "a session folder that cannot be",
      { SHARD_STORE_TYPE: "file", SHARD_STORE_PATH: "/dev/null/x" },
      "shard_store.path",
    ],
  ])("%s", async (_what, settings, named) => {
    const { code, errors } = await run(settings)
    expect(errors).toContain(named)
    expect(errors).not.toMatch(/\n\s+at /)
    expect(errors).not.toContain(TOKEN)
    expect(code).toBe(1)
  })
})

test("#36 a server that is not Discord's API is named, with what to correct", async () => {
  const stranger = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("<html>") })
  const { code, errors } = await run({ DISCORD_API_HOST: `127.0.0.1:${stranger.port}` })
  await stranger.stop(true)
  expect(errors).toContain("api.host")
  expect(code).toBe(1)
})
