import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { RestClient } from "../rest-client.ts"

interface Used {
  readonly id: string
  readonly token: string
  readonly data: { readonly name: string; readonly id: string }
  readonly member: { readonly user: { readonly id: string } }
}

let rest: RestClient
let application: string

beforeEach(async () => {
  rest = await RestClient.start()
  application = rest.discord.world.bot.id
})

afterEach(() => rest.stop())

/** A user uses the command; as the bot sees it on the gateway. */
async function use(command = "ping"): Promise<Used> {
  rest.discord.rest.interact({ command, channelId: rest.channel })
  const { d } = await rest.gateway.event("INTERACTION_CREATE")
  return d as Used
}

function respond({ id, token }: Used, body: unknown, query = "") {
  return rest.anonymous("POST", `/interactions/${id}/${token}/callback${query}`, body)
}

describe("an interaction", () => {
  test("is answered with a message, once", async () => {
    const used = await use()
    expect((await respond(used, { type: 4, data: { content: "pong" } })).status).toBe(204)
    expect((await rest.gateway.event("MESSAGE_CREATE")).d).toMatchObject({
      content: "pong",
      channel_id: rest.channel,
      application_id: application,
      interaction_metadata: { id: used.id, user: { id: used.member.user.id } },
    })
    expect(await respond(used, { type: 4, data: { content: "again" } })).toMatchObject({
      status: 400,
      json: { code: 40060 },
    })
  })

  test("tells the message when asked with_response", async () => {
    const { status, json } = await respond(await use(), { type: 4, data: { content: "pong" } }, "?with_response=true")
    expect([status, json]).toMatchObject([200, { resource: { type: 4, message: { content: "pong" } } }])
    expect(json.interaction.response_message_id).toBe(json.resource.message.id)
  })

  test("is deferred, and @original is the first follow-up", async () => {
    const used = await use()
    await respond(used, { type: 5 })
    const original = `/webhooks/${application}/${used.token}/messages/@original`
    expect(await rest.anonymous("GET", original)).toMatchObject({ status: 404 })
    expect((await rest.anonymous("PATCH", original, { content: "done" })).json).toMatchObject({ content: "done" })
    expect((await rest.anonymous("PATCH", original, { content: "really" })).status).toBe(200)
    expect((await rest.anonymous("GET", original)).json).toMatchObject({ content: "really" })
    const { json: followUp } = await rest.anonymous("POST", `/webhooks/${application}/${used.token}`, {
      content: "more",
    })
    expect(followUp.content).toBe("more")
    expect(
      (await rest.anonymous("DELETE", `/webhooks/${application}/${used.token}/messages/${followUp.id}`)).status,
    ).toBe(204)
    expect((await rest.anonymous("DELETE", original)).status).toBe(204)
    expect((await rest.anonymous("GET", original)).status).toBe(404)
  })

  test("must be answered within 3 s, and its token lives 15 minutes", async () => {
    const late = await use()
    rest.clock.advance(3_001)
    expect(await respond(late, { type: 5 })).toMatchObject({ status: 404, json: { code: 10062 } })
    const used = await use()
    await respond(used, { type: 5 })
    rest.clock.advance(15 * 60_000)
    expect((await rest.anonymous("POST", `/webhooks/${application}/${used.token}`, { content: "x" })).status).toBe(200)
    rest.clock.advance(1)
    expect(await rest.anonymous("POST", `/webhooks/${application}/${used.token}`, { content: "x" })).toMatchObject({
      status: 404,
      json: { code: 10015 },
    })
  })

  test("that a test dispatches by hand can be answered as well", async () => {
    const d = {
      id: "77",
      token: "by-hand",
      type: 3,
      channel_id: rest.channel,
      guild_id: rest.guild.id,
      message: { id: await rest.message() },
    }
    rest.discord.dispatch(0, "INTERACTION_CREATE", d)
    const update = await rest.anonymous("POST", "/interactions/77/by-hand/callback", {
      type: 7,
      data: { content: "new" },
    })
    expect(update.status).toBe(204)
    expect((await rest.gateway.event("MESSAGE_UPDATE")).d).toMatchObject({ id: d.message.id, content: "new" })
  })

  test("with ephemeral answers is nobody else's business", async () => {
    await respond(await use(), { type: 4, data: { content: "secret", flags: 64 } })
    await rest.message("public")
    expect((await rest.gateway.event("MESSAGE_CREATE")).d).toMatchObject({ content: "public" })
  })

  test.each([
    [{ type: 99 }, 50035],
    [{}, 50035],
    [{ type: 4, data: {} }, 50006],
    [{ type: 4, data: { content: "x".repeat(2_001) } }, 50035],
  ])("refuses the callback %j", async (body, code) => {
    expect(await respond(await use(), body)).toMatchObject({ status: 400, json: { code } })
  })
})

describe("commands", () => {
  const ping = { name: "ping", description: "says pong" }
  let commands: string

  beforeEach(() => {
    commands = `/applications/${application}/commands`
  })

  test("are created, replaced, read, changed and deleted", async () => {
    const { status, json } = await rest.call("POST", commands, ping)
    expect([status, json]).toMatchObject([201, { ...ping, type: 1, application_id: application }])
    const again = await rest.call("POST", commands, { ...ping, description: "other" })
    expect([again.status, again.json.id]).toEqual([200, json.id])
    await rest.call("PATCH", `${commands}/${json.id}`, { description: "third" })
    expect((await rest.call("GET", `${commands}/${json.id}`)).json.description).toBe("third")
    const { json: all } = await rest.call("PUT", commands, [{ name: "pong", description: "d" }])
    expect(all).toHaveLength(1)
    expect(await rest.call("GET", `${commands}/${json.id}`)).toMatchObject({ status: 404, json: { code: 10063 } })
    expect((await rest.call("DELETE", `${commands}/${all[0].id}`)).status).toBe(204)
    expect((await rest.call("GET", commands)).json).toEqual([])
  })

  test("of a guild are apart, and an interaction names the one that was used", async () => {
    const own = `/applications/${application}/guilds/${rest.guild.id}/commands`
    const { json } = await rest.call("POST", own, ping)
    expect((await rest.call("GET", commands)).json).toEqual([])
    expect((await use()).data).toMatchObject({ name: "ping", id: json.id })
  })

  test.each([
    [{ name: "Ping", description: "d" }, "name"],
    [{ name: "ping" }, "description"],
    [{ name: "x".repeat(33), description: "d" }, "name"],
  ])("with mistakes are refused: %j", async (body, field) => {
    const { status, json } = await rest.call("POST", commands, body)
    expect([status, json.code, Object.keys(json.errors)]).toEqual([400, 50035, [field]])
  })

  test("are used by traffic, once there are any", async () => {
    await rest.call("PUT", commands, [ping])
    rest.discord.setRate(1_000)
    for (let n = 0; n < 100; n++) rest.clock.advance(10)
    const used = (await rest.gateway.event("INTERACTION_CREATE")).d as Used
    expect(used.data.name).toBe("ping")
    const answers = rest.gateway.packets.filter(({ t }) => t === "INTERACTION_CREATE")
    expect(answers.length).toBeGreaterThan(0)
  })
})
