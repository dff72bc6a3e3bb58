import { afterEach, beforeEach, expect, test } from "bun:test"
import { RestClient } from "../rest-client.ts"

let rest: RestClient
let webhook: { readonly id: string; readonly token: string }
let secret: string

beforeEach(async () => {
  rest = await RestClient.start()
  webhook = (await rest.call("POST", `/channels/${rest.channel}/webhooks`, { name: "hook" })).json
  secret = `/webhooks/${webhook.id}/${webhook.token}`
})

afterEach(() => rest.stop())

test("a webhook is made, listed, renamed and deleted", async () => {
  expect((await rest.gateway.event("WEBHOOKS_UPDATE")).d).toEqual({ guild_id: rest.guild.id, channel_id: rest.channel })
  expect((await rest.call("GET", `/channels/${rest.channel}/webhooks`)).json).toMatchObject([{ id: webhook.id }])
  expect((await rest.call("GET", `/guilds/${rest.guild.id}/webhooks`)).json).toMatchObject([{ id: webhook.id }])
  await rest.call("PATCH", `/webhooks/${webhook.id}`, { name: "renamed" })
  expect((await rest.anonymous("GET", secret)).json).toMatchObject({ name: "renamed", token: webhook.token })
  expect((await rest.anonymous("GET", secret)).json).not.toHaveProperty("user")
  expect((await rest.call("DELETE", `/webhooks/${webhook.id}`)).status).toBe(204)
  expect(await rest.anonymous("POST", secret, { content: "x" })).toMatchObject({ status: 404, json: { code: 10015 } })
})

test("whoever has its token sends with it, and gets the message only when waiting", async () => {
  expect((await rest.anonymous("POST", secret, { content: "1" })).status).toBe(204)
  const { status, json } = await rest.anonymous("POST", `${secret}?wait=true`, { content: "2", username: "Somebody" })
  expect([status, json]).toMatchObject([
    200,
    { content: "2", webhook_id: webhook.id, author: { username: "Somebody" } },
  ])
  expect((await rest.gateway.event("MESSAGE_CREATE")).d).toMatchObject({ content: "1", guild_id: rest.guild.id })
})

test("it reads, edits and deletes its own messages, no others", async () => {
  const { json } = await rest.anonymous("POST", `${secret}?wait=true`, { content: "1" })
  const own = `${secret}/messages/${json.id}`
  expect((await rest.anonymous("PATCH", own, { content: "2" })).json.content).toBe("2")
  expect((await rest.anonymous("GET", own)).json.content).toBe("2")
  expect((await rest.anonymous("DELETE", own)).status).toBe(204)
  const foreign = `${secret}/messages/${await rest.message()}`
  expect(await rest.anonymous("GET", foreign)).toMatchObject({ status: 404, json: { code: 10008 } })
})

test("a wrong token is refused", async () => {
  expect(await rest.anonymous("POST", `/webhooks/${webhook.id}/wrong`, { content: "x" })).toMatchObject({
    status: 401,
    json: { code: 50027 },
  })
})

test("a channel has at most 15", async () => {
  for (let n = 1; n < 15; n++) await rest.call("POST", `/channels/${rest.channel}/webhooks`, { name: `${n}` })
  const answer = await rest.call("POST", `/channels/${rest.channel}/webhooks`, { name: "one more" })
  expect(answer).toMatchObject({ status: 400, json: { code: 30007 } })
})
