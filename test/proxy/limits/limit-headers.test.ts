import { describe, expect, test } from "bun:test"
import { tooMany, windowHeaders } from "../../../src/proxy/limits/limit-headers.ts"

const headers = (given: Record<string, string>) => new Headers(given)

describe("limit headers", () => {
  test("are read where they are whole and sensible", () => {
    const whole = {
      "x-ratelimit-limit": "5",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset-after": "1.25",
      "x-ratelimit-bucket": "abc",
    }
    expect(windowHeaders(headers(whole))).toEqual({ limit: 5, remaining: 0, resetAfterMs: 1_250, hash: "abc" })
    expect(windowHeaders(headers({}))).toBeNull()
    expect(windowHeaders(headers({ ...whole, "x-ratelimit-reset-after": "soon" }))).toBeNull()
    expect(windowHeaders(headers({ ...whole, "x-ratelimit-limit": "-1" }))).toBeNull()
    expect(windowHeaders(headers({ ...whole, "x-ratelimit-reset-after": "1e9" }))?.resetAfterMs).toBe(900_000)
  })
})

describe("a 429", () => {
  const via = { via: "1.1 google" }
  test.each([
    ["of a user", { ...via, "x-ratelimit-scope": "user" }, { retry_after: 1.5 }, "user", 1_500],
    ["of a shared resource", { ...via, "x-ratelimit-scope": "shared" }, { retry_after: 60 }, "shared", 60_000],
    ["of the token", { ...via, "x-ratelimit-global": "true" }, { retry_after: 2 }, "global", 2_000],
    ["of the token, in its body alone", via, { retry_after: 2, global: true }, "global", 2_000],
    ["whose header and body differ", { ...via, "retry-after": "2" }, { retry_after: 1.2 }, "user", 2_000],
    ["that does not say how long", { ...via, "retry-after": "0" }, { retry_after: 0 }, "user", 1_000],
  ])("%s", (_what, given, body, scope, retryAfterMs) => {
    expect(tooMany(headers(given as Record<string, string>), JSON.stringify(body))).toMatchObject({
      scope,
      retryAfterMs,
    })
  })

  test("whose body is missing or broken off, as to a HEAD, is Discord's where its headers say so", () => {
    const given = { ...via, "x-ratelimit-scope": "user", "retry-after": "2" }
    for (const body of ["", '{"message": "You are be']) {
      expect(tooMany(headers(given), body)).toEqual({ scope: "user", retryAfterMs: 2_000 })
      const global = { ...given, "x-ratelimit-scope": "global", "x-ratelimit-global": "true" }
      expect(tooMany(headers(global), body)).toEqual({ scope: "global", retryAfterMs: 2_000 })
      expect(tooMany(headers({ "x-ratelimit-bucket": "abc" }), body)).toEqual({ scope: "user", retryAfterMs: 1_000 })
    }
  })

  test.each([
    ["HTML", { ...via, "retry-after": "30" }, "<html>error code: 1015</html>", 30_000],
    ["JSON without a time to wait", { via: "1.1 google" }, '{"message": "blocked"}', 60_000],
    ["no trace of Discord", { "retry-after": "600" }, '{"message": "blocked"}', 600_000],
  ])("of Cloudflare is a ban of the IP address: %s", (_what, given, body, retryAfterMs) => {
    expect(tooMany(headers(given as Record<string, string>), body)).toEqual({ scope: "ban", retryAfterMs })
  })
})
