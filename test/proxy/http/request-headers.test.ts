import { describe, expect, test } from "bun:test"
import { dropResponseHeaders, takeRequestHeaders } from "../../../src/proxy/http/request-headers.ts"

describe("request headers", () => {
  test("lose what is for one hop, what Connection names, Host and what is ours", () => {
    const headers = new Headers({
      host: "proxy",
      connection: "close, X-One-Hop",
      "keep-alive": "timeout=5",
      te: "trailers",
      upgrade: "websocket",
      "proxy-authorization": "x",
      "x-one-hop": "1",
      "x-spectacles-priority": "low",
      "x-spectacles-timeout": "2s",
      "user-agent": "DiscordBot (x, 1)",
      "x-audit-log-reason": "r",
    })
    expect(takeRequestHeaders(headers, null)).toEqual({ priority: "low", timeoutMs: 2_000 })
    expect([...headers.keys()].sort()).toEqual(["user-agent", "x-audit-log-reason"])
  })

  test("get a User-Agent and a token only where they have none", () => {
    const bare = new Headers()
    takeRequestHeaders(bare, "abc")
    expect(bare.get("user-agent")).toStartWith("DiscordBot (")
    expect(bare.get("authorization")).toBe("Bot abc")
    const own = new Headers({ "user-agent": "mine", authorization: "Bot own" })
    takeRequestHeaders(own, "abc")
    expect([own.get("user-agent"), own.get("authorization")]).toEqual(["mine", "Bot own"])
  })

  test.each([
    ["x-spectacles-priority", "callback"],
    ["x-spectacles-priority", "urgent"],
    ["x-spectacles-timeout", "soon"],
    ["x-spectacles-timeout", "0"],
    ["x-spectacles-timeout", "-5s"],
  ])("%s: %s cannot be read, and the answer says what can", (name, value) => {
    expect(takeRequestHeaders(new Headers({ [name]: value }), null)).toMatch(/^Cannot read .+: write .+\.$/)
  })
})

test.each(["x-hop, upgrade", "keep-alive"])("response headers lose what is for one hop: %s", (connection) => {
  const hop = connection === "keep-alive" ? {} : { "x-hop": "1", upgrade: "h2c" }
  const headers = new Headers({ connection, ...hop, "keep-alive": "5", "transfer-encoding": "chunked", etag: "x" })
  dropResponseHeaders(headers)
  expect([...headers.keys()]).toEqual(["etag"])
})
