import { describe, expect, test } from "bun:test"
import { dialUrl, loginOf, shownUrl } from "../../../src/brokers/amqp/server-url.ts"

describe("dialUrl", () => {
  test("asks for heartbeats, unless the URL does", () => {
    expect(dialUrl("amqp://bot:pw@rabbit:5672/live")).toBe("amqp://bot:pw@rabbit:5672/live?heartbeat=10")
    expect(dialUrl("amqps://rabbit/live?heartbeat=60")).toBe("amqps://rabbit/live?heartbeat=60")
  })
})

describe("shownUrl", () => {
  for (const [url, shown] of [
    ["amqp://bot:hunter2@rabbit:5672/live", "amqp://rabbit:5672/live"],
    ["amqps://rabbit", "amqps://rabbit"],
    ["amqp://[::1]:5672/%2F?heartbeat=5", "amqp://[::1]:5672/%2F"],
  ] as const) {
    test(`shows ${shown}`, () => expect(shownUrl(url)).toBe(shown))
  }
})

describe("loginOf", () => {
  test.each([
    ["amqp://bot:p%C3%A4ss%2F@rabbit", { username: "bot", password: "päss/" }],
    ["amqp://bot:100%@rabbit", { username: "bot", password: "100%" }],
    ["amqp://rabbit", null],
  ])("reads %s", (url, login) => {
    expect(loginOf(url)).toEqual(login)
  })
})
