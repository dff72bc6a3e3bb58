import { afterEach, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import type { Fault } from "../../../src/simulator/faults/fault.ts"
import type { SimulatorOptions } from "../../../src/simulator/options.ts"
import { downloadPart } from "../../../src/simulator/rest/download.ts"
import { RestClient } from "./rest-client.ts"

const SEND = "POST /channels/:channel/messages"

let rest: RestClient

async function start(options: SimulatorOptions = {}): Promise<void> {
  rest = await RestClient.start(options)
}

afterEach(() => rest.stop())

function send(content = "x") {
  return rest.call("POST", `/channels/${rest.channel}/messages`, { content })
}

/** Moves the clock on, step by step, until the request is answered. */
async function withTime<T>(request: Promise<T>, stepMs: number): Promise<T> {
  let waiting = true
  const done = request.finally(() => {
    waiting = false
  })
  while (waiting) {
    await new Promise((resolve) => setImmediate(resolve))
    rest.clock.advance(stepMs)
  }
  return done
}

/** The outcome of a request whose connection may be cut: its status, or what became of it. */
async function outcome(request: Promise<{ readonly status: number }>): Promise<number | "cut"> {
  return request.then(
    ({ status }) => status,
    () => "cut",
  )
}

function digest(data: string): string {
  return createHash("sha256").update(data).digest("hex").slice(0, 16)
}

describe("the record", () => {
  test("has every request in order, with what is needed to compare it, and never a token", async () => {
    await start()
    rest.discord.record.clear()
    await send("first")
    await rest.call("GET", "/users/@me/guilds?limit=1&x=1&x=2", undefined, { "x-audit-log-reason": "why%20not" })
    await rest.anonymous("GET", "/nothing")
    const body = JSON.stringify({ content: "first" })
    expect(rest.discord.record.of("request")).toMatchObject([
      {
        method: "POST",
        path: `/api/v10/channels/${rest.channel}/messages`,
        route: SEND,
        token: digest("Bot any"),
        status: 200,
        bodyBytes: body.length,
        bodyDigest: digest(body),
        reason: null,
        fault: null,
      },
      {
        method: "GET",
        query: "?limit=1&x=1&x=2",
        route: "GET /users/@me/guilds",
        bodyDigest: null,
        reason: "why%20not",
      },
      { route: "(unknown route)", status: 401 },
    ])
    expect(JSON.stringify(rest.discord.record.all())).not.toContain("Bot any")
  })

  test("can be waited for, and can be left out", async () => {
    await start()
    const waiting = rest.discord.record.waitFor("request", ({ route }) => route === SEND)
    await send()
    expect((await waiting).status).toBe(200)
    await rest.stop()
    await start({ recordRequests: false })
    await send()
    expect(rest.discord.record.of("request")).toEqual([])
    expect(rest.discord.rest.counts().requests[SEND]).toEqual({ 200: 1 })
  })
})

describe("limits over HTTP", () => {
  test("are counted, what passed and what was refused", async () => {
    await start({ limits: { enforced: true } })
    for (let n = 0; n < 7; n++) await send()
    const refused = await send()
    expect(refused.status).toBe(429)
    expect(refused.json).toEqual({ message: "You are being rate limited.", retry_after: 5, global: false })
    expect(refused.headers.get("via")).toBe("1.1 google")
    expect(rest.discord.rest.counts()).toEqual({
      requests: { [SEND]: { 200: 5, 429: 3 } },
      refused: { user: 3, global: 0, shared: 0, address: 0 },
      passed: 5,
      allowed: 5,
      buckets: 1,
    })
    rest.discord.rest.clearCounts()
    expect(rest.discord.rest.counts()).toMatchObject({ requests: {}, passed: 0 })
    expect((await send()).status).toBe(429)
    rest.discord.rest.resetLimits()
    expect((await send()).status).toBe(200)
  })

  test("are global for each token, for each address without one, and never for interactions", async () => {
    await start({ limits: { global: { limit: 2 }, rules: { "*": { limit: 100 } } } })
    for (const expected of [200, 200, 429]) expect((await rest.call("GET", "/users/@me")).status).toBe(expected)
    const other = { authorization: "Bot other" }
    expect((await rest.call("GET", "/users/@me", undefined, other)).status).toBe(200)
    for (const expected of [404, 404, 429])
      expect((await rest.anonymous("POST", "/webhooks/1/x", {})).status).toBe(expected)
    for (let n = 0; n < 5; n++)
      expect((await rest.anonymous("POST", `/interactions/${n}/x/callback`, { type: 1 })).status).toBe(404)
  })

  test("ban the address after too many invalid requests, as Cloudflare does", async () => {
    await start({ limits: { invalidRequests: { limit: 5 } }, token: "right" })
    for (let n = 0; n < 5; n++) expect((await rest.call("GET", "/users/@me")).status).toBe(401)
    const right = { authorization: "Bot right" }
    const banned = await rest.call("GET", "/users/@me", undefined, right)
    expect(banned.status).toBe(429)
    expect(banned.headers.get("via")).toBeNull()
    expect(banned.headers.get("content-type")).toBe("text/html; charset=UTF-8")
    expect(banned.json).toContain("Error 1015")
    expect(rest.discord.rest.counts().refused).toMatchObject({ address: 1 })
    rest.clock.advance(3_600_000)
    expect((await rest.call("GET", "/users/@me", undefined, right)).status).toBe(200)
  })

  test("count no shared 429 as invalid", async () => {
    await start({ limits: { invalidRequests: { limit: 2 } } })
    rest.discord.inject({ type: "shared-limit", route: SEND, durationMs: 1_000 })
    for (let n = 0; n < 4; n++) expect((await send()).headers.get("x-ratelimit-scope")).toBe("shared")
    rest.clock.advance(1_000)
    expect((await send()).status).toBe(200)
  })
})

describe("the API", () => {
  test.each(["/api", "/api/v6", "/api/v9", "/api/v10"])("answers under %s", async (prefix) => {
    await start()
    const answer = await fetch(`${rest.discord.url}${prefix}/users/@me`, { headers: { authorization: "Bot x" } })
    expect(answer.status).toBe(200)
  })

  test("knows paths it does not have, and methods", async () => {
    await start()
    expect(await rest.call("GET", "/channels")).toMatchObject({ status: 404, json: { code: 0 } })
    expect(await rest.call("GET", "/channels//messages")).toMatchObject({ status: 404 })
    expect(await rest.call("PUT", "/users/@me")).toMatchObject({
      status: 405,
      json: { message: "405: Method Not Allowed" },
    })
    const head = await rest.call("HEAD", "/users/@me")
    expect([head.status, head.json]).toEqual([200, ""])
  })
})

describe("a fault of a request", () => {
  test("is an error page, so many times, on one route", async () => {
    await start()
    expect(rest.discord.inject({ type: "bad-gateway", times: 2, route: SEND })).toMatchObject({ id: 1 })
    expect((await rest.call("GET", "/users/@me")).status).toBe(200)
    for (const expected of [502, 502, 200]) expect((await send()).status).toBe(expected)
    rest.discord.inject({ type: "bad-gateway", status: 503 })
    expect((await send()).headers.get("content-type")).toBe("text/html")
    expect(rest.discord.record.of("request").map(({ fault }) => fault)).toEqual([
      null,
      "bad-gateway",
      "bad-gateway",
      null,
      "bad-gateway",
    ])
  })

  test("is a delay, or silence", async () => {
    await start()
    rest.discord.inject({ type: "delay", on: "request", delayMs: 5_000, route: SEND })
    const slow = send()
    expect((await rest.call("GET", "/users/@me")).status).toBe(200)
    expect(rest.discord.record.of("request").map(({ route }) => route)).toEqual(["GET /users/@me"])
    expect((await withTime(slow, 5_000)).status).toBe(200)
    rest.discord.inject({ type: "silence", on: "request" })
    const silent = fetch(`${rest.discord.url}/api/v10/users/@me`, {
      headers: { authorization: "Bot x" },
      signal: AbortSignal.timeout(50),
    })
    expect(await outcome(silent)).toBe("cut")
  })

  test("may be a delay and something else at once", async () => {
    await start()
    rest.discord.inject({ type: "delay", on: "request", delayMs: 100, times: "always" })
    rest.discord.inject({ type: "bad-gateway" })
    const statuses: number[] = []
    for (let n = 0; n < 2; n++) {
      statuses.push((await withTime(send(), 100)).status)
    }
    expect(statuses).toEqual([502, 200])
  })

  test.each([
    ["head", 0, 0],
    ["body", 0, 0],
    ["done", 200, 1],
    ["answer", 200, 1],
  ] as const)("is a connection cut at %s", async (at, status, messages) => {
    await start()
    rest.discord.inject({ type: "drop", on: "request", at })
    expect(await outcome(send())).toBe("cut")
    expect(rest.discord.record.of("request")).toMatchObject([{ route: SEND, status, fault: "drop" }])
    expect((await rest.call("GET", `/channels/${rest.channel}/messages`)).json).toHaveLength(messages)
  })

  test.each([
    ["html", "text/html; charset=UTF-8"],
    ["text", "text/plain; charset=UTF-8"],
    ["json", "application/json"],
  ] as const)("is Cloudflare's 429 as %s", async (format, contentType) => {
    await start()
    rest.discord.inject({ type: "cloudflare-limit", format })
    const { status, headers } = await send()
    expect([status, headers.get("content-type")]).toEqual([429, contentType])
    for (const name of ["via", "retry-after", "x-ratelimit-bucket"]) expect(headers.get(name)).toBeNull()
    rest.discord.inject({ type: "cloudflare-limit", retryAfterSeconds: 30 })
    expect((await send()).headers.get("retry-after")).toBe("30")
  })

  test("is a download of 25 MB, whole and in order", async () => {
    await start()
    rest.discord.inject({ type: "download", route: "GET /users/@me" })
    const answer = await fetch(`${rest.discord.url}/api/v10/users/@me`, { headers: { authorization: "Bot x" } })
    expect(answer.headers.get("content-length")).toBe(String(25 * 1024 * 1024))
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(bytes.length).toBe(25 * 1024 * 1024)
    expect(bytes.equals(downloadPart(0, bytes.length))).toBe(true)
  })

  test("is listed and cancelled like any other", async () => {
    await start()
    const { id = 0 } = rest.discord.inject({ type: "bad-gateway", times: "always" })
    expect(rest.discord.faults()).toMatchObject([{ id, left: "always", fault: { type: "bad-gateway", on: "request" } }])
    expect(rest.discord.cancel(id)).toBe(true)
    expect((await send()).status).toBe(200)
  })

  test.each([
    [{ type: "bad-gateway", status: 418 }, '"status"'],
    [{ type: "drop", on: "request", at: "lunch" }, '"at"'],
    [{ type: "bad-gateway", route: "/channels" }, '"route": must be like POST /channels/:channel/messages'],
    [{ type: "shared-limit", route: SEND }, '"durationMs"'],
  ] as const)("%j is refused by name", async (fault, complaint) => {
    await start()
    expect(() => rest.discord.inject(fault as unknown as Fault)).toThrow(complaint)
  })
})
