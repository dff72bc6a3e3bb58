import { afterEach, describe, expect, test } from "bun:test"
import type { SimulatorOptions } from "../../../src/simulator/options.ts"
import type { Simulator } from "../../../src/simulator/simulator.ts"
import { startSimulator } from "../../../src/simulator/start.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { GatewayClient, IDENTIFY, type Ready } from "../gateway-client.ts"

let simulator: Simulator
let clock: FakeClock
const clients: GatewayClient[] = []

async function start(options: SimulatorOptions = {}): Promise<void> {
  clock = new FakeClock()
  simulator = await startSimulator({ guilds: 2, maxConcurrency: 16, clock, ...options })
}

const PLAIN = "v=10&encoding=json"
const ZLIB = "v=10&encoding=json&compress=zlib-stream"
const ZSTD = "v=10&encoding=json&compress=zstd-stream"

function dial(query = PLAIN, url = simulator.gatewayUrl): GatewayClient {
  const client = new GatewayClient(url, { query })
  clients.push(client)
  return client
}

async function resume(session: Ready, seq: number, query = PLAIN): Promise<GatewayClient> {
  const client = dial(query)
  await client.op(10)
  client.send(6, { token: "simulated", session_id: session.session_id, seq })
  return client
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.cut()
  await simulator.stop()
})

describe("at once", () => {
  test("op 7 leaves the connection open, unless a close code is given", async () => {
    await start()
    const client = dial()
    await client.identify()
    expect(simulator.inject({ type: "reconnect" })).toEqual({ connections: 1 })
    await client.op(7)
    simulator.dispatch(0, "TEST_EVENT", {})
    await client.event("TEST_EVENT")
    simulator.inject({ type: "reconnect", closeCode: 4000 })
    await client.op(7)
    expect((await client.ended).code).toBe(4000)
  })

  test.each([true, false])("op 9 with %p", async (resumable) => {
    await start()
    const client = dial()
    const session = await client.identify()
    simulator.inject({ type: "invalid-session", resumable })
    expect((await client.op(9)).d).toBe(resumable)
    const next = await resume(session, 1)
    await (resumable ? next.event("RESUMED") : next.op(9))
  })

  test.each([4000, 4004, 4009, 1000, 1012])("a close with %d", async (code) => {
    await start()
    const client = dial()
    await client.identify()
    simulator.inject({ type: "close", code, reason: "because" })
    expect(await client.ended).toEqual({ code, reason: "because" })
  })

  test("a bare drop of the TCP connection keeps the session", async () => {
    await start()
    const client = dial()
    const session = await client.identify()
    simulator.inject({ type: "drop" })
    expect((await client.ended).code).toBe(1006)
    await (await resume(session, 1)).event("RESUMED")
  })

  test("a half-open connection answers nothing, not even a close, and the session can be resumed elsewhere", async () => {
    await start()
    const client = dial()
    const session = await client.identify()
    simulator.inject({ type: "half-open" })
    client.send(1, 1)
    client.close(4900)
    await (await resume(session, 3)).event("RESUMED")
    expect(simulator.record.of("heartbeat")).toEqual([])
    expect(simulator.record.of("close")).toMatchObject([{ by: "server", code: 4000 }])
    expect(client.packets.some(({ op }) => op === 11)).toBe(false)
  })

  test("op 1 asks for a heartbeat", async () => {
    await start()
    const client = dial()
    await client.identify()
    simulator.inject({ type: "request-heartbeat" })
    await client.op(1)
  })

  test("only the given shard is hit", async () => {
    await start()
    const [first, second] = [dial(), dial()]
    await first.identify({ shard: [0, 2] })
    await second.identify({ shard: [1, 2] })
    expect(simulator.inject({ type: "close", code: 4000, shard: 1 })).toEqual({ connections: 1 })
    await second.ended
    simulator.dispatch(0, "TEST_EVENT", {})
    await first.event("TEST_EVENT")
  })

  test("forgotten sessions cannot be resumed, and their connections stay", async () => {
    await start()
    const client = dial()
    const session = await client.identify()
    simulator.inject({ type: "forget-sessions" })
    client.send(1, 1)
    await client.op(11)
    expect((await (await resume(session, 1)).op(9)).d).toBe(false)
  })
})

describe("at a moment", () => {
  test("a dial that is never answered", async () => {
    await start()
    simulator.inject({ type: "silence", on: "dial" })
    const silent = dial()
    await dial().identify()
    expect(silent.packets).toEqual([])
    expect(simulator.record.of("connect")).toHaveLength(1)
  })

  test("Hello never comes, or later", async () => {
    await start()
    simulator.inject({ type: "silence", on: "hello" })
    simulator.inject({ type: "delay", delayMs: 5_000, on: "hello" })
    const silent = dial()
    await simulator.record.waitFor("connect")
    const late = dial()
    await simulator.record.waitFor("connect", ({ connection }) => connection === 2)
    expect(late.packets).toEqual([])
    clock.advance(5_000)
    await late.op(10)
    expect(silent.packets).toEqual([])
  })

  test("op 7 instead of Hello", async () => {
    await start()
    simulator.inject({ type: "reconnect", on: "hello" })
    expect(await dial().next(() => true)).toMatchObject({ op: 7 })
  })

  test("READY never comes, while heartbeats are acknowledged", async () => {
    await start()
    simulator.inject({ type: "silence", on: "identify", shard: 0 })
    const client = dial()
    await client.op(10)
    client.send(2, IDENTIFY)
    client.send(1, null)
    await client.op(11)
    expect(simulator.record.of("identify")).toMatchObject([{ outcome: "silence" }])
    expect(client.packets.map(({ op }) => op)).toEqual([10, 11])
  })

  test("a resume fails as often as asked, then works", async () => {
    await start()
    const client = dial()
    const session = await client.identify()
    client.cut()
    await simulator.record.waitFor("close")
    simulator.inject({ type: "close", code: 4000, on: "resume", times: 2 })
    for (const _ of [1, 2]) expect((await (await resume(session, 1)).ended).code).toBe(4000)
    await (await resume(session, 1)).event("RESUMED")
    expect(simulator.record.of("resume").map(({ outcome }) => outcome)).toEqual(["close", "close", "resumed"])
  })

  test("ACKs are missing until the fault is cancelled", async () => {
    await start()
    const client = dial()
    await client.identify()
    const { id } = simulator.inject({ type: "silence", on: "heartbeat", times: "always" })
    for (let n = 0; n < 3; n++) client.send(1, n)
    await simulator.record.waitFor("heartbeat", ({ d }) => d === 2)
    expect(simulator.cancel(id ?? 0)).toBe(true)
    client.send(1, 3)
    await client.op(11)
    expect(client.packets.filter(({ op }) => op === 11)).toHaveLength(1)
  })

  test("a fault that cannot be is refused with what would be right", async () => {
    await start()
    expect(() => simulator.inject({ type: "silence" })).toThrow('set "on" to one of dial, hello')
    expect(() => simulator.inject({ type: "close", code: 4000, on: "hello", shard: 1 })).toThrow("leave shard out")
    expect(() => simulator.inject({ type: "close", code: 4000, on: "dial" })).toThrow("only silence, delay and drop")
  })
})

describe("conditions", () => {
  test("a resume_gateway_url on which nobody listens", async () => {
    await start()
    simulator.inject({ type: "dead-resume-host" })
    const { resume_gateway_url } = await dial().identify()
    expect(resume_gateway_url).not.toBe(simulator.gatewayUrl)
    expect((await dial(PLAIN, resume_gateway_url).ended).code).toBe(1006)
  })

  test("connections are refused, and taken again on the same port", async () => {
    await start()
    const open = dial()
    await open.identify()
    const { id } = simulator.inject({ type: "refuse-connections" })
    expect((await dial().ended).code).toBe(1006)
    simulator.dispatch(0, "TEST_EVENT", {})
    await open.event("TEST_EVENT")
    simulator.cancel(id ?? 0)
    await dial().op(10)
  })

  test("zlib messages are split over WebSocket messages, the marker too", async () => {
    await start()
    simulator.inject({ type: "split-frames", partBytes: 100 })
    const client = dial(ZLIB)
    await client.identify()
    await client.event("GUILD_CREATE")
    expect(Math.max(...client.frames)).toBe(100)
    expect(client.frames.filter((bytes) => bytes === 2).length).toBeGreaterThan(1)
  })

  test.each([PLAIN, ZSTD])("otherwise one WebSocket message comes in fragments (%s)", async (query) => {
    await start()
    simulator.inject({ type: "split-frames", partBytes: 100 })
    const client = dial(query)
    await client.identify()
    for (let guild = 0; guild < 2; guild++) await client.event("GUILD_CREATE")
    expect(client.frames.length).toBe(client.packets.length)
  })

  test("zlib messages share a frame", async () => {
    await start()
    const client = dial(ZLIB)
    await client.identify()
    await client.event("GUILD_CREATE")
    await client.event("GUILD_CREATE")
    const before = client.frames.length
    simulator.inject({ type: "merge-frames" })
    for (const n of [1, 2, 3]) simulator.dispatch(0, "TEST_EVENT", { n })
    for (const n of [1, 2, 3]) expect((await client.event("TEST_EVENT")).d).toEqual({ n })
    expect(client.frames.length).toBe(before + 1)
  })
})

describe("traffic", () => {
  test("a giant guild", async () => {
    await start()
    const client = dial(ZSTD)
    await client.identify()
    simulator.inject({ type: "giant-guild", bytes: 3 * 1024 * 1024 })
    const { d } = await client.next(({ t, d }) => t === "GUILD_CREATE" && JSON.stringify(d).length > 3 * 1024 * 1024)
    expect(JSON.stringify(d).length).toBeLessThan(3.2 * 1024 * 1024)
  })

  test("a flood of guilds holds the ACKs back until it is over", async () => {
    await start()
    const client = dial()
    await client.identify()
    simulator.inject({ type: "guild-flood", guilds: 20, durationMs: 10_000 })
    client.send(1, 1)
    client.send(1, 2)
    await simulator.record.waitFor("heartbeat", ({ d }) => d === 2)
    clock.advance(10_000)
    await client.op(11)
    await client.op(11)
    const kinds = client.packets.map(({ op, t }) => t ?? op)
    expect(kinds.slice(-2)).toEqual([11, 11])
    expect(kinds.filter((kind) => kind === "GUILD_CREATE")).toHaveLength(22)
  })

  test.each(["compression", "utf8", "json", "reserved-bits"] as const)(
    "an event spoilt by %s keeps its sequence, and a resume brings it whole",
    async (how) => {
      await start()
      const client = dial(ZLIB)
      const session = await client.identify()
      const before = simulator.sessions()[0]?.sequence ?? 0
      simulator.inject({ type: "corrupt", how })
      client.cut()
      await client.ended
      expect(simulator.sessions()[0]?.sequence).toBe(before + 1)
      const next = await resume(session, before, ZLIB)
      expect(await next.next(({ op }) => op === 0)).toMatchObject({ s: before + 1 })
    },
  )

  test("reserved bits break the WebSocket protocol", async () => {
    await start()
    const client = dial()
    await client.identify()
    simulator.inject({ type: "corrupt", how: "reserved-bits" })
    expect((await client.ended).code).not.toBe(1000)
  })
})
