import { describe, expect, test } from "bun:test"
import { globalLimits, ProxyRequest } from "../../src/proxy/proxy-request.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"

const BOT = "198622483471925248"
const TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"

function request(method: string, headers: Record<string, string>, body: Uint8Array<ArrayBuffer> | null = null) {
  return new ProxyRequest(
    {
      method,
      target: { path: "/users/@me", upstream: "/api/v10/users/@me" },
      headers: new Headers(headers),
      body,
      priority: "normal",
      deadlineMs: Number.POSITIVE_INFINITY,
      door: { signal: () => new AbortController().signal },
    },
    globalLimits(50, new Map([[BOT, 500]])),
    new FakeClock(),
  )
}

describe("a request", () => {
  test("is known by a digest of its token", () => {
    const one = request("GET", { authorization: `Bot ${TOKEN}` })
    expect(one.identity).toHaveLength(44)
    expect(one.identity).toBe(request("PUT", { authorization: `Bot ${TOKEN}` }).identity)
    expect(one.identity).not.toBe(request("GET", { authorization: `Bot ${TOKEN}x` }).identity)
    expect(request("GET", {}).identity).toBe("")
  })

  test("has the global limit of its bot, where one was arranged for", () => {
    expect(request("GET", { authorization: `Bot ${TOKEN}` }).perSecond()).toBe(500)
    expect(request("GET", { authorization: "Bot abc.def.ghi" }).perSecond()).toBe(50)
    expect(request("GET", { authorization: "Bearer abc" }).perSecond()).toBe(50)
    expect(request("GET", {}).perSecond()).toBe(50)
  })

  test.each([
    ["GET", true],
    ["HEAD", true],
    ["PUT", true],
    ["DELETE", true],
    ["POST", false],
    ["PATCH", false],
  ])("that is a %s is idempotent: %p", (method, isIdempotent) => {
    expect(request(method, {}).isIdempotent).toBe(isIdempotent)
  })
})
