import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { RestClient } from "../rest-client.ts"

let rest: RestClient
let messages: string

beforeEach(async () => {
  rest = await RestClient.start()
  messages = `/channels/${rest.channel}/messages`
})

afterEach(() => rest.stop())

describe("a message", () => {
  test("comes out as MESSAGE_CREATE on the guild's shard", async () => {
    const { status, json } = await rest.call("POST", messages, { content: "hi", nonce: "n1", embeds: [{ title: "t" }] })
    expect(status).toBe(200)
    expect(json).toMatchObject({
      content: "hi",
      nonce: "n1",
      author: { id: rest.discord.world.bot.id },
      edited_timestamp: null,
    })
    expect((await rest.gateway.event("MESSAGE_CREATE")).d).toMatchObject({ ...json, guild_id: rest.guild.id })
  })

  test("is edited, and comes out as MESSAGE_UPDATE", async () => {
    const id = await rest.message()
    const { json } = await rest.call("PATCH", `${messages}/${id}`, { content: "new" })
    expect(json).toMatchObject({ id, content: "new", edited_timestamp: expect.any(String) })
    expect((await rest.gateway.event("MESSAGE_UPDATE")).d).toMatchObject({
      id,
      content: "new",
      guild_id: rest.guild.id,
    })
    expect((await rest.call("GET", `${messages}/${id}`)).json).toMatchObject({ content: "new" })
  })

  test("is deleted, and comes out as MESSAGE_DELETE", async () => {
    const id = await rest.message()
    expect((await rest.call("DELETE", `${messages}/${id}`)).status).toBe(204)
    expect((await rest.gateway.event("MESSAGE_DELETE")).d).toEqual({
      id,
      channel_id: rest.channel,
      guild_id: rest.guild.id,
    })
    expect(await rest.call("DELETE", `${messages}/${id}`)).toMatchObject({ status: 404, json: { code: 10008 } })
  })

  test("may answer another", async () => {
    const id = await rest.message("first")
    const { json } = await rest.call("POST", messages, { content: "second", message_reference: { message_id: id } })
    expect(json).toMatchObject({
      type: 19,
      message_reference: { message_id: id },
      referenced_message: { content: "first" },
    })
    const body = { content: "third", message_reference: { message_id: "1" } }
    expect(await rest.call("POST", messages, body)).toMatchObject({ status: 400, json: { code: 50035 } })
  })

  test("mentions members of the guild", async () => {
    const user = rest.guild.members[1]?.user
    const { json } = await rest.call("POST", messages, { content: `<@${user?.id}> and <@1>` })
    expect(json.mentions).toEqual([user])
  })

  test("in a direct message channel has no guild", async () => {
    const user = rest.guild.members[1]?.user.id
    const { json: channel } = await rest.call("POST", "/users/@me/channels", { recipient_id: user })
    expect(channel).toMatchObject({ type: 1, recipients: [{ id: user }] })
    expect((await rest.call("POST", "/users/@me/channels", { recipient_id: user })).json.id).toBe(channel.id)
    await rest.call("POST", `/channels/${channel.id}/messages`, { content: "psst" })
    const { d } = await rest.gateway.event("MESSAGE_CREATE")
    expect(d).toMatchObject({ content: "psst", channel_id: channel.id })
    expect(d).not.toHaveProperty("guild_id")
  })
})

describe("messages are refused", () => {
  test.each([
    [{}, { code: 50006, message: "Cannot send an empty message" }],
    [{ content: " \n" }, { code: 50006 }],
    [
      { content: "x".repeat(2_001) },
      {
        code: 50035,
        message: "Invalid Form Body",
        errors: {
          content: { _errors: [{ code: "BASE_TYPE_MAX_LENGTH", message: "Must be 2000 or fewer in length." }] },
        },
      },
    ],
    [
      { content: "x", embeds: [{}, { title: "x".repeat(257) }] },
      { code: 50035, errors: { embeds: { 1: { title: { _errors: [{}] } } } } },
    ],
    [{ embeds: Array.from({ length: 2 }, () => ({ description: "x".repeat(4_000) })) }, { code: 50035 }],
    [{ embeds: Array.from({ length: 11 }, () => ({ title: "t" })) }, { code: 50035 }],
    [{ content: 5 }, { code: 50035, errors: { content: { _errors: [{ code: "BASE_TYPE_BAD_TYPE" }] } } }],
  ])("%#: where Discord would", async (body, expected) => {
    expect(await rest.call("POST", messages, body)).toMatchObject({ status: 400, json: expected })
  })

  test("in channels that do not exist, are no snowflake, or hold no messages", async () => {
    const body = { content: "x" }
    expect(await rest.call("POST", "/channels/1/messages", body)).toMatchObject({ status: 404, json: { code: 10003 } })
    expect(await rest.call("POST", "/channels/x/messages", body)).toMatchObject({ status: 400, json: { code: 50035 } })
    const category = rest.guild.channels.find(({ type }) => type === 4)?.id
    expect(await rest.call("POST", `/channels/${category}/messages`, body)).toMatchObject({ status: 403 })
  })

  test("when the body is no JSON or says it is something else", async () => {
    const send = async (type: string) => {
      const headers = { authorization: "Bot x", "content-type": type }
      const response = await fetch(`${rest.discord.url}/api/v10${messages}`, { method: "POST", headers, body: "{" })
      return [response.status, ((await response.json()) as { code: number }).code]
    }
    expect(await send("application/json")).toEqual([400, 50109])
    expect(await send("text/plain")).toEqual([400, 50035])
  })
})

test("another's message cannot be edited", async () => {
  const member = rest.guild.members[1]
  const traffic = {
    id: "9",
    channel_id: rest.channel,
    guild_id: rest.guild.id,
    author: member?.user,
    content: "mine",
    attachments: [],
    embeds: [],
  }
  rest.discord.dispatch(0, "MESSAGE_CREATE", traffic)
  expect((await rest.call("GET", `${messages}/9`)).json).toMatchObject({ content: "mine" })
  expect(await rest.call("PATCH", `${messages}/9`, { content: "x" })).toMatchObject({
    status: 403,
    json: { code: 50005 },
  })
  expect((await rest.call("DELETE", `${messages}/9`)).status).toBe(204)
})

test("messages are listed newest first, in pages", async () => {
  const ids: string[] = []
  for (let n = 0; n < 5; n++) ids.unshift(await rest.message(`${n}`))
  const list = async (query: string) =>
    (await rest.call("GET", `${messages}?${query}`)).json.map(({ id }: { id: string }) => ids.indexOf(id))
  expect(await list("limit=3")).toEqual([0, 1, 2])
  expect(await list(`before=${ids[1]}&limit=2`)).toEqual([2, 3])
  expect(await list(`after=${ids[3]}&limit=2`)).toEqual([1, 2])
  expect(await list(`around=${ids[2]}&limit=2`)).toEqual([1, 2])
  expect((await rest.call("GET", `${messages}?limit=101`)).status).toBe(400)
})

test("files are kept byte for byte, with their description, and can be downloaded and removed", async () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256)
  const form = new FormData()
  form.set("files[0]", new Blob([bytes], { type: "image/png" }), 'a "b".png')
  form.set("files[1]", new Blob(["second\r\n--x"]), "größe.txt")
  form.set("payload_json", JSON.stringify({ attachments: [{ id: 0, description: "what it shows" }] }))
  const { status, json } = await rest.call("POST", messages, form)
  expect(status).toBe(200)
  expect(json.attachments).toMatchObject([
    { filename: 'a "b".png', size: 70_000, content_type: "image/png", description: "what it shows" },
    { filename: "größe.txt", size: 11 },
  ])
  const download = await fetch(json.attachments[0].url)
  expect(download.headers.get("content-type")).toBe("image/png")
  expect(new Uint8Array(await download.arrayBuffer())).toEqual(bytes)
  const { json: changed } = await rest.call("PATCH", `${messages}/${json.id}`, {
    attachments: [{ id: json.attachments[1].id }],
  })
  expect(changed.attachments).toEqual([json.attachments[1]])
})

test("many are deleted at once, unless one is too old", async () => {
  const ids = [await rest.message("1"), await rest.message("2")]
  expect((await rest.call("POST", `${messages}/bulk-delete`, { messages: ids })).status).toBe(204)
  expect((await rest.gateway.event("MESSAGE_DELETE_BULK")).d).toMatchObject({ ids, guild_id: rest.guild.id })
  const old = await rest.call("POST", `${messages}/bulk-delete`, { messages: ["1000", "1001"] })
  expect(old).toMatchObject({ status: 400, json: { code: 50034 } })
})

test("a message is pinned and unpinned", async () => {
  const id = await rest.message()
  await rest.call("PUT", `${messages}/pins/${id}`)
  expect((await rest.gateway.event("CHANNEL_PINS_UPDATE")).d).toMatchObject({ channel_id: rest.channel })
  expect((await rest.call("GET", `/channels/${rest.channel}/pins`)).json).toMatchObject([{ id, pinned: true }])
  await rest.call("DELETE", `/channels/${rest.channel}/pins/${id}`)
  expect((await rest.call("GET", `${messages}/pins`)).json).toEqual({ items: [], has_more: false })
})

test("typing comes out as TYPING_START", async () => {
  expect((await rest.call("POST", `/channels/${rest.channel}/typing`)).status).toBe(204)
  expect((await rest.gateway.event("TYPING_START")).d).toMatchObject({
    channel_id: rest.channel,
    guild_id: rest.guild.id,
  })
})

test("a search is told to come again while the guild is indexed", async () => {
  const id = await rest.message("needle")
  await rest.message("hay")
  const search = `/guilds/${rest.guild.id}/messages/search?content=needle`
  expect(await rest.call("GET", search)).toMatchObject({ status: 202, json: { code: 110_000, retry_after: 2 } })
  expect(await rest.call("GET", search)).toMatchObject({
    status: 200,
    json: { total_results: 1, messages: [[{ id }]] },
  })
})
