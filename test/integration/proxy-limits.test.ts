import { afterEach, expect, test } from "bun:test"
import { DiscordAPIError, REST } from "@discordjs/rest"
import { startEnforcingDiscord } from "../fixtures/enforcing-discord.ts"
import { startProxy } from "../fixtures/running-proxy.ts"

const TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"
const FIRST_CHANNEL = 175_928_847_299_117_000n

const running: { stop(): unknown }[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

async function start(options: Parameters<typeof startEnforcingDiscord>[0] = {}) {
  const discord = startEnforcingDiscord(options)
  running.push(discord)
  const proxy = await startProxy(discord.host)
  running.push(proxy)
  return { discord, proxy }
}

test("clients that ask for more than the limits allow cause no 429, lose no request and starve no channel", async () => {
  const { discord, proxy } = await start()
  const requests = 120
  const channels = 12
  const send = async (index: number) => {
    const channel = FIRST_CHANNEL + BigInt(index % channels)
    const response = await fetch(`${proxy.url}/api/v10/channels/${channel}/messages`, {
      method: "POST",
      headers: { authorization: `Bot ${TOKEN}` },
      body: "{}",
    })
    await response.text()
    return response.status
  }
  const statuses = await Promise.all(Array.from({ length: requests }, (_, index) => send(index)))
  expect(statuses).toEqual(Array(requests).fill(200))
  expect(discord.limited()).toBe(0)
  expect([...discord.passed.values()]).toEqual(Array(channels).fill(requests / channels))
}, 120_000)

test("@discordjs/rest works through it as it is", async () => {
  const { discord, proxy } = await start({ limit: 3 })
  const rest = new REST({ version: "10", api: `${proxy.url}/api` }).setToken(TOKEN)
  const route = `/channels/${FIRST_CHANNEL}/messages` as const
  const sent = await Promise.all(
    Array.from({ length: 8 }, (_, index) => rest.post(route, { body: { content: `${index}` } })),
  )
  expect(sent).toHaveLength(8)
  const files = [{ name: "a.bin", data: Buffer.alloc(100_000, 1) }]
  expect(await rest.post(route, { body: {}, files })).toMatchObject({ size: expect.any(Number) })
  const refused = rest.post(route, { body: { content: "refuse me" } })
  await expect(refused).rejects.toBeInstanceOf(DiscordAPIError)
  expect(discord.limited()).toBe(0)
}, 120_000)
