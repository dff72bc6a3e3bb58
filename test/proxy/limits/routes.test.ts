import { describe, expect, test } from "bun:test"
import { DISCORD_EPOCH_MS } from "../../../src/discord/snowflake.ts"
import { routeOf } from "../../../src/proxy/limits/routes.ts"

const NOW = Date.parse("2026-08-01T00:00:00Z")
const ID = "175928847299117063"
const OTHER = "290926798626357999"
const idOfAge = (ageMs: number) => String(BigInt(NOW - ageMs - DISCORD_EPOCH_MS) << 22n)
const route = (line: string) => {
  const [method = "", path = ""] = line.split(" ")
  return routeOf(method, path, { wallMs: () => NOW })
}

describe("a route", () => {
  test.each([
    [`GET /channels/${ID}`, "GET /channels/:channel", ID],
    [`GET /channels/${ID}/messages/${OTHER}`, "GET /channels/:channel/messages/:message", ID],
    [`POST /channels/${ID}/messages/bulk-delete`, "POST /channels/:channel/messages/bulk-delete", ID],
    [
      `PUT /channels/${ID}/messages/${OTHER}/reactions/%F0%9F%98%80/@me`,
      "PUT /channels/:channel/messages/:message/reactions/:emoji/:user",
      ID,
    ],
    [`PATCH /guilds/${ID}/members/@me`, "PATCH /guilds/:guild/members/@me", ID],
    [`PATCH /guilds/${ID}/members/${OTHER}`, "PATCH /guilds/:guild/members/:user", ID],
    ["GET /users/@me", "GET /users/@me", ""],
    [`GET /users/${ID}`, "GET /users/:user", ""],
    [`GET /invites/${"abc"}`, "GET /invites/:code", ""],
    [`GET /guilds/templates/abc`, "GET /guilds/templates/:code", "templates"],
    [`GET /webhooks/${ID}`, "GET /webhooks/:webhook", ID],
    [`PUT /applications/${ID}/guilds/${OTHER}/commands`, "PUT /applications/:app/guilds/:guild/commands", ""],
  ])("%s", (line, template, major) => {
    expect(route(line)).toEqual({ template, major, known: true, kind: "plain" })
  })

  test("of a webhook or an interaction is told apart by its token, which it does not show", () => {
    const one = route(`POST /webhooks/${ID}/token-one`)
    const two = route(`POST /webhooks/${ID}/token-two`)
    expect(one.template).toBe("POST /webhooks/:webhook/:token")
    expect(one.major).not.toBe(two.major)
    expect(JSON.stringify(one)).not.toContain("token-one")
    expect(one.kind).toBe("webhook")
    expect(route(`PATCH /webhooks/${ID}/aW50ZXJhY3Rpb246abc/messages/@original`).kind).toBe("interaction")
    expect(route(`POST /interactions/${ID}/aW50ZXJhY3Rpb246abc/callback`).kind).toBe("callback")
  })

  test("of a DELETE of a message has the message's age", () => {
    const of = (ageMs: number) => route(`DELETE /channels/${ID}/messages/${idOfAge(ageMs)}`).template
    expect(of(5_000)).toBe("DELETE /channels/:channel/messages/:message (young)")
    expect(of(60_000)).toBe("DELETE /channels/:channel/messages/:message")
    expect(of(15 * 86_400_000)).toBe("DELETE /channels/:channel/messages/:message (old)")
  })

  test("that Discord has added since is one of its own, whatever ids stand in it", () => {
    const one = route(`POST /channels/${ID}/brand-new/${OTHER}`)
    expect(one).toEqual({ template: "POST /channels/:id/brand-new/:id", major: ID, known: false, kind: "plain" })
    expect(route(`GET /new/${ID}`)).toMatchObject({ template: "GET /new/:id", major: "" })
    expect(route("GET /")).toMatchObject({ template: "GET /", known: false })
  })

  test("has a bounded name, and shows no token, however strange the path is", () => {
    const long = "x".repeat(5_000)
    expect(route(`GET /${Array(50).fill(long).join("/")}`).template.length).toBeLessThan(100)
    expect(JSON.stringify(route(`POST /webhooks/${ID}/secret/new-thing`))).not.toContain("secret")
  })
})
