import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { RestClient } from "./rest-client.ts"

let rest: RestClient
beforeEach(async () => {
  rest = await RestClient.start()
})
afterEach(() => rest.stop())

describe("a user that writes", () => {
  test("is seen by the bot, who can read the message and reply to it", async () => {
    const said = rest.discord.rest.say({ content: "!ping", channelId: rest.channel })
    const { d } = await rest.gateway.event("MESSAGE_CREATE")
    expect(d).toMatchObject({ id: said.id, content: "!ping", guild_id: rest.guild.id, channel_id: rest.channel })
    expect(said.author.bot).toBeUndefined()
    const messages = `/channels/${rest.channel}/messages`
    expect((await rest.call("GET", `${messages}/${said.id}`)).json).toMatchObject({ content: "!ping" })
    const reply = { content: "Pong!", message_reference: { message_id: said.id } }
    expect((await rest.call("POST", messages, reply)).json).toMatchObject({ referenced_message: { id: said.id } })
  })

  test("may be any member, and mention others", () => {
    const [, , author, other] = rest.guild.members
    const said = rest.discord.rest.say({ content: `<@${other?.user.id}>`, userId: author?.user.id ?? "" })
    expect(said.author.id).toBe(author?.user.id ?? "")
    expect(said.mentions).toMatchObject([{ id: other?.user.id }])
  })

  test("may write to the bot privately", async () => {
    const [direct] = rest.discord.world.directMessages
    const said = rest.discord.rest.say({ content: "hello", channelId: direct?.channelId ?? "" })
    expect(said.author.id).toBe(direct?.user.id ?? "")
    expect((await rest.gateway.event("MESSAGE_CREATE")).d).not.toHaveProperty("guild_id")
  })

  test("is of the world, as is the channel, and says something", () => {
    expect(() => rest.discord.rest.say({ content: "a", userId: "1" })).toThrow("Unknown User")
    expect(() => rest.discord.rest.say({ content: "a", channelId: "1" })).toThrow("Unknown Channel")
    expect(() => rest.discord.rest.say({ content: "" })).toThrow("empty message")
  })
})

test("somebody writes by POST /simulator/messages", async () => {
  const response = await fetch(`${rest.discord.url}/simulator/messages`, {
    method: "POST",
    body: JSON.stringify({ content: "over HTTP" }),
  })
  expect(await response.json()).toMatchObject({ content: "over HTTP" })
  expect((await rest.gateway.event("MESSAGE_CREATE")).d).toMatchObject({ content: "over HTTP" })
})
