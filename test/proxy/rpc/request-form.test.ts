import { describe, expect, test } from "bun:test"
import { decodeBody, encodeBody } from "../../../src/brokers/body.ts"
import { readRequest, STATUS } from "../../../src/proxy/rpc/request-form.ts"
import { fuzzRpcRequest } from "../../fixtures/proxy-fuzz.ts"
import { seeded } from "../../gateway/simulation/random.ts"

function requestOf(data: unknown) {
  const request = readRequest(data, 10)
  if (request.type === "malformed") throw new Error(request.message)
  return request
}

describe("a request of the broker's", () => {
  test("is a map or an array in the order of its fields", () => {
    const timeout = { secs: 2, nanos: 500_000_000 }
    const map = {
      method: "post",
      path: "/channels/1/messages",
      query: { a: "1 2" },
      body: "hi",
      headers: { A: "b" },
      timeout,
    }
    for (const data of [map, Object.values(map), { ...map, timeout: [2, 500_000_000] }]) {
      const request = requestOf(decodeBody(encodeBody("msgpack", data)))
      expect(request.method).toBe("POST")
      expect(request.target).toEqual({ path: "/channels/1/messages", upstream: "/api/v10/channels/1/messages?a=1+2" })
      expect(new TextDecoder().decode(request.body ?? new Uint8Array())).toBe("hi")
      expect(request.headers.get("a")).toBe("b")
      expect(request.timeoutMs).toBe(2_500)
    }
  })

  test.each([
    ["bytes", new Uint8Array([104, 105])],
    ["a list of bytes", [104, 105]],
    ["text", "hi"],
  ])("has a body of %s", (_what, body) => {
    expect([...(requestOf({ method: "POST", path: "/a", body }).body ?? [])]).toEqual([104, 105])
  })

  test("has nil for what is absent", () => {
    const request = requestOf(["GET", "/gateway", null, null, null, null])
    expect([request.body, request.timeoutMs, [...request.headers]]).toEqual([null, null, []])
  })

  test("may have an emoji in its path as it is", () => {
    const path = "/channels/1/messages/2/reactions/🔥/@me"
    const { target } = requestOf({ method: "PUT", path })
    expect(target.upstream).toBe("/api/v10/channels/1/messages/2/reactions/%F0%9F%94%A5/@me")
    expect(requestOf({ method: "PUT", path: encodeURI(path) }).target).toEqual(target)
    expect(requestOf({ method: "PUT", path: "/a/\ud800" }).target.path).toBe("/a/%EF%BF%BD")
  })

  test("may have a timeout without nanos, and of whole numbers however large", () => {
    const timeoutOf = (timeout: unknown) => requestOf({ method: "GET", path: "/a", timeout }).timeoutMs
    expect([{ secs: 5 }, [5], { secs: 5, nanos: null }].map(timeoutOf)).toEqual([5_000, 5_000, 5_000])
    expect(timeoutOf({ secs: 1n, nanos: 500_000_000n })).toBe(1_500)
  })

  test.each([
    ["nothing", null, STATUS.format],
    ["text", "GET /", STATUS.format],
    ["bytes", new Uint8Array(3), STATUS.format],
    ["no method", { path: "/a" }, STATUS.method],
    ["a method that is none", { method: "CONNECT", path: "/a" }, STATUS.method],
    ["no path", { method: "GET" }, STATUS.path],
    ["a path elsewhere", { method: "GET", path: "https://evil.example/" }, STATUS.path],
    ["a path that climbs", { method: "GET", path: "/channels/../../x" }, STATUS.path],
    ["a path with an empty segment", { method: "GET", path: "//evil.example/x" }, STATUS.path],
    ["a query that is a list", { method: "GET", path: "/a", query: ["a"] }, STATUS.query],
    ["a query of numbers", { method: "GET", path: "/a", query: { a: 1 } }, STATUS.query],
    ["headers that are text", { method: "GET", path: "/a", headers: "a: b" }, STATUS.headers],
    ["a header with a line break", { method: "GET", path: "/a", headers: { a: "b\r\nc: d" } }, STATUS.headers],
    ["a header with a name that cannot be", { method: "GET", path: "/a", headers: { "a b": "c" } }, STATUS.headers],
    ["a body that is a number", { method: "POST", path: "/a", body: 5 }, STATUS.format],
    ["a body of what are no bytes", { method: "POST", path: "/a", body: [256] }, STATUS.format],
    ["a timeout that is text", { method: "GET", path: "/a", timeout: "soon" }, STATUS.format],
    [
      "a timeout of what are no numbers",
      { method: "GET", path: "/a", timeout: { secs: true, nanos: [] } },
      STATUS.format,
    ],
    ["a timeout of text", { method: "GET", path: "/a", timeout: { secs: "5", nanos: 0 } }, STATUS.format],
    ["a timeout before now", { method: "GET", path: "/a", timeout: { secs: -1, nanos: 0 } }, STATUS.format],
  ])("that is or has %s has a status of its own, and a sentence", (_what, data, status) => {
    const request = readRequest(data, 10)
    expect(request).toMatchObject({ type: "malformed", status })
    expect(request.type === "malformed" && request.message).toMatch(/^Cannot .+\.$/)
  })

  test("never throws, whatever was decoded: 20,000 random values", () => {
    const random = seeded(11)
    const pool = [
      null,
      "GET",
      "/a",
      "/../x",
      5,
      -1,
      true,
      [],
      {},
      [1, 2],
      { a: "b" },
      { secs: 1 },
      "a\r\nb",
      2n ** 60n,
      new Uint8Array(2),
      new Date(0),
      Symbol.iterator.toString(),
    ]
    const names = ["method", "path", "query", "body", "headers", "timeout", "x"]
    for (let round = 0; round < 20_000; round += 1) {
      const values = names.map(() => random.pick<unknown>(pool))
      const data = random.chance(0.5) ? values : Object.fromEntries(names.map((name, index) => [name, values[index]]))
      expect(["request", "malformed"]).toContain(
        readRequest(random.chance(0.1) ? random.pick<unknown>(pool) : data, 10).type,
      )
    }
  })

  test("is read or refused with a sentence, whatever its bytes, and goes nowhere else: 10,000 random ones", () => {
    const random = seeded(12)
    let accepted = 0
    for (let round = 0; round < 10_000; round += 1) if (fuzzRpcRequest(random)) accepted += 1
    expect(accepted).toBeGreaterThan(500)
  })
})
