import { afterEach, describe, expect, test } from "bun:test"
import { intentBits } from "../../src/discord/intents.ts"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"
import { GatewayClient } from "./gateway-client.ts"

const IDENTIFY_WINDOW_MS = 5_000

let simulator: Simulator
let clock: FakeClock
const clients: GatewayClient[] = []

async function start(options: SimulatorOptions = {}): Promise<void> {
  clock = new FakeClock()
  simulator = await startSimulator({ guilds: 4, maxConcurrency: 16, clock, ...options })
}

async function connect(fields: object = {}, compress = ""): Promise<GatewayClient> {
  const client = new GatewayClient(simulator.gatewayUrl, { query: `v=10&encoding=json${compress}` })
  clients.push(client)
  const { guilds } = await client.identify(fields)
  for (const _ of guilds) await client.event("GUILD_CREATE")
  return client
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.cut()
  await simulator.stop()
})

/** The last sequence that the shard's only session dispatched. */
function sequence(shard = 0): number {
  return simulator.sessions().find((session) => session.shard === shard)?.sequence ?? 0
}

test("traffic flows at the rate that was asked for, for each shard", async () => {
  await start()
  await connect({ shard: [0, 2] })
  await connect({ shard: [1, 2] })
  const before = [sequence(0), sequence(1)]
  simulator.setRate(100)
  clock.advance(1_000)
  expect([sequence(0), sequence(1)]).toEqual(before.map((count) => count + 100))
})

test("two sets of sessions get the same events of a guild, each numbered in its own way", async () => {
  await start()
  for (const shard of [0, 1]) await connect({ shard: [shard, 2] })
  // Until the same slots are free again.
  clock.advance(IDENTIFY_WINDOW_MS)
  for (const shard of [0, 1, 2, 3]) await connect({ shard: [shard, 4] })
  simulator.setRate(100)
  clock.advance(1_000)
  const events = (count: number) =>
    simulator.sessions().flatMap(({ id, shardCount }) => {
      if (shardCount !== count) return []
      return (simulator.log(id) ?? []).flatMap(({ t, event }) => (event === undefined ? [] : [`${event} ${t}`]))
    })
  expect(events(2).length).toBe(200)
  expect(events(4).toSorted()).toEqual(events(2).toSorted())
})

test("no traffic flows before it is asked for, nor after it is stopped", async () => {
  await start()
  await connect()
  clock.advance(1_000)
  expect(sequence()).toBe(5)
  simulator.setRate(100)
  simulator.setRate(0)
  clock.advance(1_000)
  expect(sequence()).toBe(5)
})

test("events go on while a client is away", async () => {
  await start()
  const client = await connect()
  client.cut()
  await simulator.record.waitFor("close")
  simulator.setRate(10)
  clock.advance(1_000)
  expect(sequence()).toBe(15)
})

test("traffic is of the shard's own guilds, and without a guild only on shard 0", async () => {
  await start()
  const client = await connect({ shard: [1, 2] })
  const own = new Set<unknown>(simulator.world.guildIdsOf(1, 2))
  simulator.setRate(200)
  clock.advance(1_000)
  for (let n = 0; n < 200; n++) {
    const { t, d } = await client.next(({ op }) => op === 0)
    const event = d as { id?: string; guild_id?: string }
    expect(own).toContain(t === "GUILD_CREATE" || t === "GUILD_UPDATE" ? event.id : event.guild_id)
  }
})

test("two sessions of one shard see the same events", async () => {
  await start()
  const first = await connect()
  clock.advance(5_000)
  const second = await connect()
  simulator.setRate(50)
  clock.advance(1_000)
  const seen = await Promise.all(
    [first, second].map(async (client) => {
      await client.next(({ s }) => s === 55)
      return client.packets.slice(-50).map(({ t, d }) => JSON.stringify([t, d]))
    }),
  )
  expect(seen[0]).toEqual(seen[1] ?? [])
})

test("flat out, a client gets events as fast as it reads, in order", async () => {
  await start()
  const client = await connect({}, "&compress=zlib-stream")
  simulator.setRate("flat-out")
  await client.next(({ s }) => s === 2_000)
  simulator.setRate(0)
  const numbers = client.packets.flatMap(({ s }) => (s === null ? [] : [s]))
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
})

describe.each(["", "&compress=zlib-stream", "&compress=zstd-stream"])("a burst (%p)", (compress) => {
  test("is sent whole and in order, and what was sent meanwhile follows it", async () => {
    await start()
    const client = await connect({}, compress)
    const burst = await simulator.prepareBurst({ shard: 0, events: 3_000 })
    expect(burst).toMatchObject({ shard: 0, events: 3_000, lastSequence: 3_005 })
    client.send(1, 5)
    await simulator.record.waitFor("heartbeat")
    await burst.send()
    await client.op(11)
    const numbers = client.packets.flatMap(({ s }) => (s === null ? [] : [s]))
    expect(numbers).toEqual(Array.from({ length: 3_005 }, (_, index) => index + 1))
  })
})

test("a burst holds only what the session's intents cover", async () => {
  await start()
  const client = await connect({ intents: intentBits(["GUILDS", "GUILD_MESSAGE_TYPING"]) })
  const burst = await simulator.prepareBurst({ shard: 0, events: 100 })
  await burst.send()
  await client.next(({ s }) => s === burst.lastSequence)
  const names = new Set(client.packets.slice(-100).map(({ t }) => t))
  expect(names).toContain("TYPING_START")
  expect(names).not.toContain("MESSAGE_CREATE")
})

test("a burst for a shard that is not connected is refused", async () => {
  await start()
  await expect(simulator.prepareBurst({ shard: 3, events: 1 })).rejects.toThrow("no ready session of it is connected")
})

test("a burst that no intent covers is refused", async () => {
  await start()
  const client = new GatewayClient(simulator.gatewayUrl)
  clients.push(client)
  await client.identify({ intents: 0 })
  await expect(simulator.prepareBurst({ shard: 0, events: 5 })).rejects.toThrow("intents 0 cover no event")
})
