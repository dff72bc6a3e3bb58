import { afterEach, expect, test } from "bun:test"
import type { SimulatorOptions } from "../../../src/simulator/options.ts"
import type { Simulator } from "../../../src/simulator/simulator.ts"
import { startSimulator } from "../../../src/simulator/start.ts"

let simulator: Simulator

async function start(options: SimulatorOptions = {}): Promise<void> {
  simulator = await startSimulator({ guilds: 1, ...options })
}

afterEach(() => simulator.stop())

test("/gateway/bot says where the gateway is, for how many shards, and how many identifies are left", async () => {
  await start({ shards: 3, maxConcurrency: 2 })
  const answer = await fetch(`${simulator.url}/api/v10/gateway/bot`, { headers: { authorization: "Bot any" } })
  expect(await answer.json()).toEqual({
    url: simulator.gatewayUrl,
    shards: 3,
    session_start_limit: { total: 1_000, remaining: 1_000, reset_after: expect.any(Number), max_concurrency: 2 },
  })
})

test("the bot is the one that READY names, and JSON comes without a charset, as discord.py needs it", async () => {
  await start()
  const answer = await fetch(`${simulator.url}/api/v10/users/@me`, { headers: { authorization: "Bot any" } })
  expect(answer.headers.get("content-type")).toBe("application/json")
  expect(await answer.json()).toMatchObject({ id: simulator.world.bot.id, bot: true })
})

test.each([undefined, "x", "Bot wrong", "Bearer right"])("401 for the authorization %p", async (authorization) => {
  await start({ token: "right" })
  const headers = authorization === undefined ? {} : { authorization }
  const answer = await fetch(`${simulator.url}/api/v10/gateway/bot`, { headers })
  expect(answer.status).toBe(401)
  expect(await answer.json()).toEqual({ message: "401: Unauthorized", code: 0 })
})

test.each(["/api/v10/gateway", "/api/gateway", "/api/v9/gateway"])(
  "%s gives the gateway's URL to anyone",
  async (path) => {
    await start({ token: "right" })
    expect(await (await fetch(simulator.url + path)).json()).toEqual({ url: simulator.gatewayUrl })
  },
)

test("an unknown route is a Discord-shaped 404", async () => {
  await start()
  const answer = await fetch(`${simulator.url}/api/v10/nothing`, { headers: { authorization: "Bot x" } })
  expect([answer.status, await answer.json()]).toEqual([404, { message: "404: Not Found", code: 0 }])
})
