import { afterEach, beforeEach, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"
import { GatewayClient } from "./gateway-client.ts"

let simulator: Simulator
let client: GatewayClient

beforeEach(async () => {
  simulator = await startSimulator({ guilds: 1, clock: new FakeClock() })
  client = new GatewayClient(simulator.gatewayUrl)
  await client.identify()
  await client.event("GUILD_CREATE")
})

afterEach(async () => {
  client.cut()
  await simulator.stop()
})

async function call(method: string, path: string, body?: unknown): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(`${simulator.url}/simulator${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, answer: text === "" ? undefined : JSON.parse(text) }
}

test("a fault can be injected, listed and cancelled", async () => {
  expect(await call("POST", "/faults", { type: "request-heartbeat" })).toEqual({
    status: 200,
    answer: { connections: 1 },
  })
  await client.op(1)
  const { answer } = await call("POST", "/faults", { type: "silence", on: "heartbeat", times: "always" })
  expect(answer).toEqual({ id: 1, connections: 0 })
  expect((await call("GET", "/faults")).answer).toMatchObject([{ id: 1, left: "always", fault: { type: "silence" } }])
  expect((await call("DELETE", "/faults/1")).status).toBe(204)
  expect((await call("DELETE", "/faults/1")).status).toBe(404)
  expect((await call("GET", "/faults")).answer).toEqual([])
})

test("a fault that does not exist is refused in one sentence", async () => {
  const { status, answer } = await call("POST", "/faults", { type: "explode" })
  expect(status).toBe(400)
  expect(answer).toHaveProperty("message", expect.stringContaining('"type" must be one of silence, delay'))
})

test("an event can be dispatched", async () => {
  expect((await call("POST", "/dispatch", { t: "TEST_EVENT", d: { n: 1 } })).answer).toEqual({ sessions: 1 })
  expect((await client.event("TEST_EVENT")).d).toEqual({ n: 1 })
})

test("the state, sessions, log and record can be read", async () => {
  expect((await call("GET", "")).answer).toMatchObject({
    url: simulator.url,
    gateway_url: simulator.gatewayUrl,
    rate: 0,
  })
  const { answer } = await call("GET", "/sessions")
  const [session] = answer as { id: string }[]
  expect((await call("GET", `/sessions/${session?.id}?after=1`)).answer).toEqual([{ sequence: 2, t: "GUILD_CREATE" }])
  expect((await call("GET", "/sessions/none")).status).toBe(404)
  expect((await call("GET", "/record?kind=identify")).answer).toMatchObject([{ kind: "identify", outcome: "ready" }])
  expect((await call("DELETE", "/record")).status).toBe(204)
  expect((await call("GET", "/record")).answer).toEqual([])
})

test("traffic and limits can be changed", async () => {
  expect((await call("PUT", "/traffic", { rate: 7 })).status).toBe(204)
  expect(simulator.rate()).toBe(7)
  expect((await call("PUT", "/traffic", { rate: -1 })).status).toBe(400)
  expect((await call("PATCH", "/limits", { remaining: 2 })).answer).toMatchObject({ total: 1_000, remaining: 2 })
  expect((await call("PATCH", "/limits", { remaning: 2 })).status).toBe(400)
})

test("a burst is prepared, then sent once", async () => {
  expect((await call("POST", "/bursts", { events: 50 })).answer).toMatchObject({ id: 1, events: 50, lastSequence: 52 })
  expect((await call("POST", "/bursts/1")).status).toBe(204)
  await client.next(({ s }) => s === 52)
  expect((await call("POST", "/bursts/1")).status).toBe(404)
})

test("what is not JSON, and what is not there, is said so", async () => {
  expect(await call("POST", "/dispatch", "{")).toEqual({ status: 400, answer: { message: "The body is not JSON." } })
  expect((await call("GET", "/nothing")).status).toBe(404)
})
