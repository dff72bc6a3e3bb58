// The admin address, by its own client and by hand.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { Secret } from "../../../../src/config/secret.ts"
import { type AdminServer, startAdminServer } from "../../../../src/gateway/steering/http/server.ts"
import { adminClient } from "../../../../src/gateway/steering/http/steering.ts"
import type { Order, OrderResult } from "../../../../src/gateway/steering/node.ts"
import { type FleetView, viewOf } from "../../../../src/gateway/steering/steering.ts"
import { OperatorError } from "../../../../src/ops/operator-error.ts"
import { RecordingLogger } from "../../../fixtures/recording-logger.ts"

const TOKEN = new Secret("0123456789abcdef")
const VIEW = viewOf([
  {
    node: "host-1",
    shardCount: 2,
    draining: false,
    shards: [
      {
        shard: 0,
        phase: "live",
        sessionId: "abc",
        sessionStartedMs: 5,
        sequence: 7,
        latencyMs: null,
        eventsPerSecond: 0.5,
        lastDown: { atMs: 6, reason: "because" },
      },
    ],
  },
])

let server: AdminServer
let given: [string, Order][]
let result: OrderResult
let log: RecordingLogger
let view: () => Promise<FleetView>
const urlOf = () => `http://127.0.0.1:${server.port}`

beforeEach(() => {
  given = []
  view = async () => VIEW
  result = { type: "done" }
  log = new RecordingLogger()
  server = startAdminServer({
    address: { hostname: "127.0.0.1", port: 0 },
    token: TOKEN,
    steering: {
      view: () => view(),
      async order(node, order) {
        given.push([node, order])
        return result
      },
    },
    log,
  })
})
afterEach(() => server.stop())

const client = (token = TOKEN) => adminClient({ url: urlOf(), token, fetch })
const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
  fetch(`${urlOf()}${path}`, { method, headers: { authorization: `Bearer ${TOKEN.reveal()}`, ...headers } })

describe("the admin address", () => {
  test("shows the shards", async () => {
    expect(await client().view()).toEqual(VIEW)
  })

  test("takes each order", async () => {
    expect(await client().steer({ type: "drain", node: "host-1" })).toEqual({ type: "done" })
    expect(await client().steer({ type: "restart", shard: 0 })).toEqual({ type: "done" })
    expect(await client().steer({ type: "move", shard: 0, to: "host" })).toEqual({ type: "done" })
    expect(given).toEqual([
      ["host-1", { type: "drain" }],
      ["host-1", { type: "restart", shard: 0 }],
      ["host-1", { type: "move", shard: 0, to: "host-1" }],
    ])
  })

  test("answers 409 with the reason when an order is refused", async () => {
    result = { type: "refused", reason: "Cannot, for a reason." }
    expect(await client().steer({ type: "restart", shard: 0 })).toEqual(result)
    expect((await ask("POST", "/restart/0")).status).toBe(409)
    expect(await client().steer({ type: "restart", shard: 1 })).toMatchObject({ type: "refused" })
  })

  test.each([
    ["no token", {}],
    ["another token", { authorization: "Bearer 0123456789abcdeX" }],
    ["a token that is longer", { authorization: "Bearer 0123456789abcdef0" }],
    ["another scheme", { authorization: "Basic 0123456789abcdef" }],
  ])("lets nobody in with %s, and does nothing", async (_, headers) => {
    for (const [method, path] of [
      ["GET", "/shards"],
      ["POST", "/drain/host-1"],
      ["GET", "/nothing"],
    ] as const) {
      const response = await fetch(`${urlOf()}${path}`, { method, headers: headers as Record<string, string> })
      expect(response.status).toBe(401)
      expect(await response.text()).not.toContain("host-1")
    }
    expect(given).toEqual([])
  })

  test.each([
    ["GET", "/", 404],
    ["GET", "/shards/0", 404],
    ["POST", "/shards", 405],
    ["GET", "/drain/host-1", 405],
    ["POST", "/restart/zero", 404],
    ["POST", "/restart/-1", 404],
    ["POST", "/move/0", 404],
    ["POST", "/move/0/%E0%A4%A", 409],
    ["POST", "/drain/", 404],
  ] as const)("answers %s %s with %d", async (method, path, status) => {
    expect((await ask(method, path)).status).toBe(status)
    expect(given).toEqual([])
  })

  test("answers 503 with the reason when the processes cannot be reached", async () => {
    view = () => Promise.reject(new OperatorError("Cannot reach the gateways: Redis is away."))
    expect((await ask("GET", "/shards")).status).toBe(503)
    expect(await client().view().catch(String)).toContain("Redis is away.")
    expect(await client().steer({ type: "restart", shard: 0 })).toMatchObject({
      reason: expect.stringContaining("away"),
    })
  })

  test("#35 never logs the token", async () => {
    await ask("POST", "/restart/0")
    expect(JSON.stringify(log.lines)).not.toContain(TOKEN.reveal())
    expect(log.lines.length).toBeGreaterThan(0)
  })

  test("#36 an address in use is one sentence that says what to change", () => {
    const again = () =>
      startAdminServer({
        address: { hostname: "127.0.0.1", port: server.port },
        token: TOKEN,
        steering: { view: async () => VIEW, order: async () => result },
        log,
      })
    expect(again).toThrow(/the port is in use; set admin\.address to another\.$/)
  })
})

describe("the admin address's client", () => {
  test("says that the token is wrong", async () => {
    const error = await client(new Secret("wrong")).view().catch(String)
    expect(error).toContain("ADMIN_TOKEN")
    expect(error).not.toContain("wrong")
  })

  test("says that nobody listens", async () => {
    const url = urlOf()
    await server.stop()
    expect(await adminClient({ url, token: TOKEN, fetch }).view().catch(String)).toContain(
      `Cannot reach the gateway's admin address ${url} (ECONNREFUSED): start the gateway, or correct the address.`,
    )
  })

  test("says that something else answers", async () => {
    const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("hello") })
    const url = `http://127.0.0.1:${other.port}`
    expect(await adminClient({ url, token: TOKEN, fetch }).view().catch(String)).toContain("something else")
    await other.stop(true)
  })
})
