import { afterEach, beforeEach, expect, test } from "bun:test"
import { RestClient } from "../rest-client.ts"

const THUMB = encodeURIComponent("👍")

let rest: RestClient
let id: string
let reactions: string

beforeEach(async () => {
  rest = await RestClient.start()
  id = await rest.message()
  reactions = `/channels/${rest.channel}/messages/${id}/reactions`
})

afterEach(() => rest.stop())

test("a reaction is added once, shown, listed and removed, with its events", async () => {
  const event = { message_id: id, channel_id: rest.channel, guild_id: rest.guild.id, emoji: { id: null, name: "👍" } }
  for (let n = 0; n < 2; n++) expect((await rest.call("PUT", `${reactions}/${THUMB}/@me`)).status).toBe(204)
  expect((await rest.gateway.event("MESSAGE_REACTION_ADD")).d).toMatchObject(event)
  const message = (await rest.call("GET", `/channels/${rest.channel}/messages/${id}`)).json
  expect(message.reactions).toMatchObject([{ emoji: { name: "👍" }, count: 1, me: true }])
  expect((await rest.call("GET", `${reactions}/${THUMB}`)).json).toMatchObject([{ id: rest.discord.world.bot.id }])
  await rest.call("DELETE", `${reactions}/${THUMB}/@me`)
  expect((await rest.gateway.event("MESSAGE_REACTION_REMOVE")).d).toMatchObject(event)
  expect((await rest.call("GET", `${reactions}/${THUMB}`)).json).toEqual([])
})

test("an emoji of the guild is named by its id", async () => {
  const emoji = rest.guild.emojis[0]
  await rest.call("PUT", `${reactions}/${emoji?.name}:${emoji?.id}/@me`)
  expect((await rest.gateway.event("MESSAGE_REACTION_ADD")).d).toMatchObject({
    emoji: { id: emoji?.id, name: emoji?.name },
  })
  await rest.call("DELETE", `${reactions}/${emoji?.name}:${emoji?.id}`)
  expect((await rest.gateway.event("MESSAGE_REACTION_REMOVE_EMOJI")).d).toMatchObject({ emoji: { id: emoji?.id } })
})

test.each(["thumbsup", "x:1", "%F0"])("%s is no emoji", async (text) => {
  const answer = await rest.call("PUT", `${reactions}/${text}/@me`)
  expect(answer.status === 204 || answer.json.code === 10014).toBe(text === "%F0" || answer.status === 404)
})

test("all are removed at once", async () => {
  await rest.call("PUT", `${reactions}/${THUMB}/@me`)
  await rest.call("DELETE", reactions)
  expect((await rest.gateway.event("MESSAGE_REACTION_REMOVE_ALL")).d).toMatchObject({ message_id: id })
  expect((await rest.call("GET", `/channels/${rest.channel}/messages/${id}`)).json).not.toHaveProperty("reactions")
})
