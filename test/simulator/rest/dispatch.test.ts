import { afterEach, expect, test } from "bun:test"
import { intentBits } from "../../../src/discord/intents.ts"
import { shardOf } from "../../../src/discord/snowflake.ts"
import type { Simulator } from "../../../src/simulator/simulator.ts"
import { startSimulator } from "../../../src/simulator/start.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { GatewayClient } from "../gateway-client.ts"

let simulator: Simulator
const clients: GatewayClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.cut()
  await simulator.stop()
})

async function client(shard: number, intents?: number): Promise<GatewayClient> {
  const made = new GatewayClient(simulator.gatewayUrl)
  clients.push(made)
  await made.identify({ shard: [shard, 2], ...(intents === undefined ? {} : { intents }) })
  return made
}

async function send(guildId: string, content: string): Promise<void> {
  const channel = simulator.world.guild(guildId)?.textChannels[0]?.id
  const answer = await fetch(`${simulator.url}/api/v10/channels/${channel}/messages`, {
    method: "POST",
    headers: { authorization: "Bot any", "content-type": "application/json" },
    body: JSON.stringify({ content }),
  })
  expect(answer.status).toBe(200)
}

test("a message comes out on its guild's shard alone, for the sessions whose intents cover it", async () => {
  const clock = new FakeClock()
  simulator = await startSimulator({ guilds: 4, maxConcurrency: 4, clock })
  const shards = [await client(0), await client(1)]
  clock.advance(5_000)
  const deaf = await client(0, intentBits(["GUILDS"]))
  const guilds = [0, 1].map((shard) => simulator.world.guildIds.find((id) => shardOf(id, 2) === shard) ?? "")
  await send(guilds[0] ?? "", "for shard 0")
  await send(guilds[1] ?? "", "for shard 1")
  for (const [shard, one] of shards.entries()) {
    expect((await one.event("MESSAGE_CREATE")).d).toMatchObject({
      content: `for shard ${shard}`,
      guild_id: guilds[shard],
    })
  }
  simulator.dispatch(0, "END", {})
  await deaf.event("END")
  expect(deaf.packets.filter(({ t }) => t === "MESSAGE_CREATE")).toEqual([])
})

test("what happens while a client is away is replayed when it resumes", async () => {
  simulator = await startSimulator({ guilds: 1, maxConcurrency: 4 })
  const guild = simulator.world.guildIds[0] ?? ""
  const first = new GatewayClient(simulator.gatewayUrl)
  clients.push(first)
  const { session_id } = await first.identify()
  const { s } = await first.event("GUILD_CREATE")
  first.cut()
  await first.ended
  await send(guild, "while away")
  const second = new GatewayClient(simulator.gatewayUrl)
  clients.push(second)
  await second.op(10)
  second.send(6, { token: "simulated", session_id, seq: s })
  expect((await second.event("MESSAGE_CREATE")).d).toMatchObject({ content: "while away" })
})
