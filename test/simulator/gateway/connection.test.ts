import { afterEach, describe, expect, test } from "bun:test"
import { intentBits } from "../../../src/discord/intents.ts"
import type { SimulatorOptions } from "../../../src/simulator/options.ts"
import type { Simulator } from "../../../src/simulator/simulator.ts"
import { startSimulator } from "../../../src/simulator/start.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { GatewayClient, IDENTIFY } from "../gateway-client.ts"

let simulator: Simulator
const clock = new FakeClock()
const clients: GatewayClient[] = []

async function start(options: SimulatorOptions = {}): Promise<void> {
  simulator = await startSimulator({ guilds: 2, maxConcurrency: 16, clock, ...options })
}

function dial(query?: string): GatewayClient {
  const client = new GatewayClient(simulator.gatewayUrl, query === undefined ? {} : { query })
  clients.push(client)
  return client
}

/** The close code that an Identify with these fields gets. */
async function identifyCode(fields: object): Promise<number> {
  const client = dial()
  await client.op(10)
  client.send(2, { ...IDENTIFY, ...fields })
  return (await client.ended).code
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.cut()
  await simulator.stop()
})

describe("close codes", () => {
  test.each(["encoding=json", "v=8&encoding=json", "v=11&encoding=json"])("4012 for the query %s", async (query) => {
    await start()
    expect((await dial(query).ended).code).toBe(4012)
  })

  test("4004 for another token than the bot's", async () => {
    await start({ token: "right" })
    expect(await identifyCode({ token: "wrong" })).toBe(4004)
  })

  test.each([[[2, 2]], [[-1, 2]], [[0, 0]], [["0", 1]], [[0]]])("4010 for the shard %p", async (shard) => {
    await start()
    expect(await identifyCode({ shard })).toBe(4010)
  })

  test("4010 for a very large bot whose shard count is no multiple of the assigned number", async () => {
    await start({ shardMultiple: 16 })
    expect(await identifyCode({ shard: [0, 24] })).toBe(4010)
  })

  test("4011 for more than 2,500 guilds a shard", async () => {
    await start({ guilds: 2_501 })
    expect(await identifyCode({ shard: [0, 1] })).toBe(4011)
  })

  test.each([1 << 17, 1 << 26, -1, 1.5])("4013 for the intents %d", async (intents) => {
    await start()
    expect(await identifyCode({ intents })).toBe(4013)
  })

  test("4014 for a privileged intent that is not granted", async () => {
    await start({ grantedIntents: ["GUILD_PRESENCES"] })
    expect(await identifyCode({ intents: intentBits(["GUILDS", "GUILD_MEMBERS"]) })).toBe(4014)
  })

  test("4005 for a second Identify", async () => {
    await start()
    const client = dial()
    await client.identify()
    client.send(2, IDENTIFY)
    expect((await client.ended).code).toBe(4005)
  })

  test("4003 for a command before Identify", async () => {
    await start()
    const client = dial()
    await client.op(10)
    client.send(3, { since: null, activities: [], status: "online", afk: false })
    expect((await client.ended).code).toBe(4003)
  })

  test("4001 for an opcode that does not exist", async () => {
    await start()
    const client = dial()
    await client.op(10)
    client.send(42, null)
    expect((await client.ended).code).toBe(4001)
  })

  test.each(["{", "[]", "null", '{"op":"1"}', '{"op":2,"d":{"token":1}}'])("4002 for the payload %s", async (text) => {
    await start()
    const client = dial()
    await client.op(10)
    client.sendText(text)
    expect((await client.ended).code).toBe(4002)
  })

  test("4002 for invalid UTF-8", async () => {
    await start()
    const client = dial()
    await client.op(10)
    client.sendText(new Uint8Array([0x7b, 0xff, 0x7d]))
    expect((await client.ended).code).toBe(4002)
  })

  test("4,096 bytes are read and 4,097 closed with 4002", async () => {
    await start()
    const client = dial()
    await client.op(10)
    client.sendText('{"op":1,"d":null}'.padEnd(4_096))
    await client.op(11)
    client.sendText('{"op":1,"d":null}'.padEnd(4_097))
    expect((await client.ended).code).toBe(4002)
  })

  test("4008 for the 121st payload in 60 s, heartbeats included", async () => {
    await start()
    const client = dial()
    await client.op(10)
    for (let sent = 0; sent < 120; sent++) client.send(1, null)
    for (let acked = 0; acked < 120; acked++) await client.op(11)
    client.send(1, null)
    expect((await client.ended).code).toBe(4008)
  })

  test("120 payloads are allowed again after 60 s", async () => {
    await start()
    const client = dial()
    await client.op(10)
    for (let sent = 0; sent < 120; sent++) client.send(1, null)
    for (let acked = 0; acked < 120; acked++) await client.op(11)
    clock.advance(60_000)
    client.send(1, null)
    await client.op(11)
  })

  test("4008 for the sixth presence in 20 s", async () => {
    await start()
    const client = dial()
    await client.identify()
    for (let sent = 0; sent < 6; sent++) client.send(3, { since: null, activities: [], status: "idle", afk: false })
    expect((await client.ended).code).toBe(4008)
  })
})

describe("identify limits", () => {
  test("a second Identify of the same key within 5 s gets op 9", async () => {
    await start({ maxConcurrency: 2 })
    await dial().identify({ shard: [0, 4] })
    await dial().identify({ shard: [1, 4] })
    const third = dial()
    await third.op(10)
    third.send(2, { ...IDENTIFY, shard: [2, 4] })
    expect((await third.op(9)).d).toBe(false)
    clock.advance(5_000)
    third.send(2, { ...IDENTIFY, shard: [2, 4] })
    await third.event("READY")
  })

  test("/gateway/bot counts the day's identifies down, and starts anew after 24 h", async () => {
    await start({ identifiesPerDay: 10, shards: 3 })
    const bot = async () =>
      (await fetch(`${simulator.url}/api/v10/gateway/bot`, { headers: { authorization: "Bot x" } })).json()
    await dial().identify()
    expect(await bot()).toMatchObject({
      url: simulator.gatewayUrl,
      shards: 3,
      session_start_limit: { total: 10, remaining: 9, max_concurrency: 16 },
    })
    clock.advance(86_400_000)
    expect(await bot()).toMatchObject({ session_start_limit: { remaining: 10, reset_after: 86_400_000 } })
  })

  test("one Identify too many ends every session and resets the token", async () => {
    await start()
    simulator.setLimits({ remaining: 1 })
    const first = dial()
    await first.identify()
    expect(await identifyCode({ shard: [1, 2] })).toBe(4004)
    expect((await first.ended).code).toBe(4004)
    expect(simulator.sessions()).toMatchObject([{ live: false }])
    const answer = await fetch(`${simulator.url}/api/v10/gateway/bot`, { headers: { authorization: "Bot x" } })
    expect(answer.status).toBe(401)
  })
})
