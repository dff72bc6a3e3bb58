import { afterEach, describe, expect, test } from "bun:test"
import type { SimulatorOptions } from "../../../src/simulator/options.ts"
import type { Simulator } from "../../../src/simulator/simulator.ts"
import { startSimulator } from "../../../src/simulator/start.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { GatewayClient, IDENTIFY } from "../gateway-client.ts"

let simulator: Simulator
const clients: GatewayClient[] = []

async function start(options: SimulatorOptions = {}): Promise<void> {
  simulator = await startSimulator({ guilds: 4, maxConcurrency: 16, ...options })
}

function dial(query?: string, url = simulator.gatewayUrl): GatewayClient {
  const client = new GatewayClient(url, query === undefined ? {} : { query })
  clients.push(client)
  return client
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.cut()
  await simulator.stop()
})

const QUERIES = [
  ["no compression", "v=10&encoding=json"],
  ["zlib-stream", "v=10&encoding=json&compress=zlib-stream"],
  ["zstd-stream", "v=10&encoding=json&compress=zstd-stream"],
] as const

describe.each(QUERIES)("with %s", (_, query) => {
  test("a client gets Hello, READY with unavailable guilds, then each guild", async () => {
    await start()
    const client = dial(query)
    expect((await client.op(10)).d).toMatchObject({ heartbeat_interval: 41_250 })
    client.send(2, IDENTIFY)
    const { d } = await client.event("READY")
    expect(d).toMatchObject({
      v: 10,
      shard: [0, 1],
      guilds: simulator.world.guildIds.map((id) => ({ id, unavailable: true })),
    })
    for (const id of simulator.world.guildIds) expect((await client.event("GUILD_CREATE")).d).toMatchObject({ id })
  })

  test("a heartbeat is acknowledged", async () => {
    await start()
    const client = dial(query)
    await client.op(10)
    client.send(1, null)
    await client.op(11)
    expect(simulator.record.of("heartbeat")).toMatchObject([{ d: null, shard: null }])
  })

  test("a resume replays what was missed, in order, then says RESUMED", async () => {
    await start()
    const first = dial(query)
    const { session_id, resume_gateway_url } = await first.identify()
    for (let guild = 0; guild < 4; guild++) await first.event("GUILD_CREATE")
    await first.close(4900)
    await simulator.record.waitFor("close")
    for (const n of [1, 2, 3]) simulator.dispatch(0, "TEST_EVENT", { n })
    const second = dial(query, resume_gateway_url)
    await second.op(10)
    second.send(6, { token: "simulated", session_id, seq: 5 })
    for (const n of [1, 2, 3]) expect(await second.event("TEST_EVENT")).toMatchObject({ d: { n }, s: 5 + n })
    expect(await second.event("RESUMED")).toMatchObject({ s: 9 })
  })
})

test("dispatches are numbered from 1 without a gap", async () => {
  await start()
  const client = dial()
  await client.identify()
  for (let n = 0; n < 10; n++) simulator.dispatch(0, "TEST_EVENT", { n })
  await client.next(({ d }) => JSON.stringify(d) === '{"n":9}')
  const numbers = client.packets.filter(({ op }) => op === 0).map(({ s }) => s)
  expect(numbers).toEqual(Array.from({ length: 15 }, (_, index) => index + 1))
})

test("a session that was closed with 1000 is gone", async () => {
  await start()
  const first = dial()
  const { session_id } = await first.identify()
  await first.close(1000)
  await simulator.record.waitFor("close")
  const second = dial()
  await second.op(10)
  second.send(6, { token: "simulated", session_id, seq: 1 })
  expect((await second.op(9)).d).toBe(false)
})

test("a session outlives its connection for a while only", async () => {
  const clock = new FakeClock()
  await start({ clock, sessionLifetimeMs: 60_000 })
  const first = dial()
  await first.identify()
  first.cut()
  await simulator.record.waitFor("close")
  clock.advance(59_999)
  expect(simulator.sessions()).toMatchObject([{ live: true, connected: false }])
  clock.advance(1)
  expect(simulator.sessions()).toMatchObject([{ live: false, connected: false }])
})

test("a resume past the replay window is refused", async () => {
  await start({ replayEvents: 10 })
  const first = dial()
  const { session_id } = await first.identify()
  first.cut()
  await simulator.record.waitFor("close")
  for (let n = 0; n < 11; n++) simulator.dispatch(0, "TEST_EVENT", { n })
  const second = dial()
  await second.op(10)
  second.send(6, { token: "simulated", session_id, seq: 5 })
  expect((await second.op(9)).d).toBe(false)
})

test("a resume from a sequence that was never sent is closed with 4007", async () => {
  await start()
  const first = dial()
  const { session_id } = await first.identify()
  first.cut()
  const second = dial()
  await second.op(10)
  second.send(6, { token: "simulated", session_id, seq: 1_000 })
  expect(await second.ended).toMatchObject({ code: 4007 })
})

test("a resume takes the session over from a connection that is still open", async () => {
  await start()
  const first = dial()
  const { session_id } = await first.identify()
  const second = dial()
  await second.op(10)
  second.send(6, { token: "simulated", session_id, seq: 1 })
  await second.event("RESUMED")
  expect(await first.ended).toMatchObject({ code: 4000 })
  expect(simulator.dispatch(0, "TEST_EVENT", {})).toBe(1)
  await second.event("TEST_EVENT")
})

test("each shard gets its own guilds", async () => {
  await start({ guilds: 8 })
  const seen: string[] = []
  for (const shard of [0, 1]) {
    const { guilds } = await dial().identify({ shard: [shard, 2] })
    expect(guilds).toHaveLength(4)
    seen.push(...guilds.map(({ id }) => id))
  }
  expect(seen.sort()).toEqual([...simulator.world.guildIds].sort())
})

test("the log holds everything a session dispatched", async () => {
  await start({ guilds: 1 })
  const { session_id } = await dial().identify()
  simulator.dispatch(0, "TEST_EVENT", {})
  expect(simulator.log(session_id)).toEqual([
    { sequence: 1, t: "READY" },
    { sequence: 2, t: "GUILD_CREATE" },
    { sequence: 3, t: "TEST_EVENT" },
  ])
  expect(simulator.log(session_id, 2)).toEqual([{ sequence: 3, t: "TEST_EVENT" }])
})

test("the record never holds the token", async () => {
  await start({ token: "very.secret.token" })
  const client = dial()
  await client.identify({ token: "very.secret.token" })
  expect(JSON.stringify(simulator.record.all())).not.toContain("very.secret.token")
})
