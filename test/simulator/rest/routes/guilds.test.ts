import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { GatewayClient } from "../../gateway-client.ts"
import { RestClient } from "../rest-client.ts"

let rest: RestClient
let guild: string
let memberId: string

beforeEach(async () => {
  rest = await RestClient.start()
  guild = `/guilds/${rest.guild.id}`
  memberId = rest.guild.members[3]?.user.id ?? ""
})

afterEach(() => rest.stop())

describe("a channel", () => {
  test("is created, changed and deleted, with its events", async () => {
    const { status, json } = await rest.call("POST", `${guild}/channels`, { name: "new", type: 0, topic: "t" })
    expect([status, json]).toMatchObject([201, { name: "new", type: 0, topic: "t", guild_id: rest.guild.id }])
    expect((await rest.gateway.event("CHANNEL_CREATE")).d).toEqual(json)
    await rest.call("PATCH", `/channels/${json.id}`, { name: "renamed" })
    expect((await rest.gateway.event("CHANNEL_UPDATE")).d).toMatchObject({ id: json.id, name: "renamed" })
    expect((await rest.call("GET", `/channels/${json.id}`)).json).toMatchObject({ name: "renamed", topic: "t" })
    await rest.call("DELETE", `/channels/${json.id}`)
    expect((await rest.gateway.event("CHANNEL_DELETE")).d).toMatchObject({ id: json.id, guild_id: rest.guild.id })
    expect(await rest.call("GET", `/channels/${json.id}`)).toMatchObject({ status: 404, json: { code: 10003 } })
  })

  test("has overwrites, which can be set and removed", async () => {
    const role = rest.guild.roles[1]?.id
    await rest.call("PUT", `/channels/${rest.channel}/permissions/${role}`, { type: 0, allow: "1024", deny: "0" })
    expect((await rest.call("GET", `/channels/${rest.channel}`)).json.permission_overwrites).toContainEqual({
      id: role,
      type: 0,
      allow: "1024",
      deny: "0",
    })
    await rest.call("DELETE", `/channels/${rest.channel}/permissions/${role}`)
    const { permission_overwrites: left } = (await rest.call("GET", `/channels/${rest.channel}`)).json
    expect(left.some(({ id }: { id: string }) => id === role)).toBe(false)
  })
})

describe("a member", () => {
  test("is changed, and comes out as GUILD_MEMBER_UPDATE", async () => {
    const role = rest.guild.roles[1]?.id
    const { json } = await rest.call("PATCH", `${guild}/members/${memberId}`, { nick: "Nick", roles: [role] })
    expect(json).toMatchObject({ nick: "Nick", roles: [role], user: { id: memberId } })
    expect((await rest.gateway.event("GUILD_MEMBER_UPDATE")).d).toEqual({ guild_id: rest.guild.id, ...json })
    expect((await rest.call("GET", `${guild}/members/${memberId}`)).json).toEqual(json)
  })

  test("is given a role and loses it", async () => {
    const role = rest.guild.roles[1]?.id ?? ""
    await rest.call("PATCH", `${guild}/members/${memberId}`, { roles: [] })
    expect((await rest.call("PUT", `${guild}/members/${memberId}/roles/${role}`)).status).toBe(204)
    expect((await rest.call("GET", `${guild}/members/${memberId}`)).json.roles).toEqual([role])
    await rest.call("DELETE", `${guild}/members/${memberId}/roles/${role}`)
    expect((await rest.call("GET", `${guild}/members/${memberId}`)).json.roles).toEqual([])
    expect(await rest.call("PUT", `${guild}/members/${memberId}/roles/1`)).toMatchObject({ json: { code: 10011 } })
  })

  test("is removed, and is not in what later sessions get", async () => {
    await rest.call("DELETE", `${guild}/members/${memberId}`)
    expect((await rest.gateway.event("GUILD_MEMBER_REMOVE")).d).toMatchObject({ user: { id: memberId } })
    expect(await rest.call("GET", `${guild}/members/${memberId}`)).toMatchObject({ status: 404, json: { code: 10007 } })
    rest.clock.advance(5_000)
    const later = new GatewayClient(rest.discord.gatewayUrl)
    await later.identify()
    const { d } = await later.next(
      ({ t, d: seen }) => t === "GUILD_CREATE" && (seen as { id: string }).id === rest.guild.id,
    )
    expect(JSON.stringify(d)).not.toContain(memberId)
    later.cut()
  })

  test("that owns the guild is out of the bot's reach", async () => {
    const owner = `${guild}/members/${rest.guild.ownerId}`
    expect(await rest.call("PATCH", owner, { nick: "x" })).toMatchObject({ status: 403, json: { code: 50013 } })
    expect((await rest.call("DELETE", owner)).status).toBe(403)
  })

  test("is banned and pardoned, with the reason kept", async () => {
    await rest.call("PUT", `${guild}/bans/${memberId}`, {}, { "x-audit-log-reason": "spam%20%F0%9F%98%80" })
    expect((await rest.gateway.event("GUILD_BAN_ADD")).d).toMatchObject({ user: { id: memberId } })
    expect((await rest.call("GET", `${guild}/bans/${memberId}`)).json).toMatchObject({ reason: "spam 😀" })
    await rest.call("DELETE", `${guild}/bans/${memberId}`)
    expect((await rest.gateway.event("GUILD_BAN_REMOVE")).d).toMatchObject({ user: { id: memberId } })
    expect(await rest.call("GET", `${guild}/bans/${memberId}`)).toMatchObject({ status: 404, json: { code: 10026 } })
  })

  test("is found by page or by prefix", async () => {
    const { json: first } = await rest.call("GET", `${guild}/members?limit=2`)
    const { json: second } = await rest.call("GET", `${guild}/members?limit=1000&after=${first[1].user.id}`)
    expect(first.length + second.length).toBe(rest.guild.members.length)
    const name = rest.guild.members[3]?.user.username
    const { json: found } = await rest.call("GET", `${guild}/members/search?query=${name}&limit=1`)
    expect(found).toMatchObject([{ user: { username: name } }])
  })
})

describe("a role", () => {
  test("is created, changed and deleted, with its events", async () => {
    const { json } = await rest.call("POST", `${guild}/roles`, { name: "new", color: 255 })
    expect((await rest.gateway.event("GUILD_ROLE_CREATE")).d).toEqual({ guild_id: rest.guild.id, role: json })
    await rest.call("PATCH", `${guild}/roles/${json.id}`, { name: "renamed" })
    expect((await rest.gateway.event("GUILD_ROLE_UPDATE")).d).toMatchObject({ role: { name: "renamed", color: 255 } })
    await rest.call("PUT", `${guild}/members/${memberId}/roles/${json.id}`)
    await rest.call("DELETE", `${guild}/roles/${json.id}`)
    expect((await rest.gateway.event("GUILD_ROLE_DELETE")).d).toEqual({ guild_id: rest.guild.id, role_id: json.id })
    expect((await rest.call("GET", `${guild}/members/${memberId}`)).json.roles).not.toContain(json.id)
  })

  test("@everyone stays", async () => {
    expect(await rest.call("DELETE", `${guild}/roles/${rest.guild.id}`)).toMatchObject({
      status: 400,
      json: { code: 50028 },
    })
  })
})

test("a guild is renamed, and comes out as GUILD_UPDATE", async () => {
  await rest.call("PATCH", guild, { name: "New name" })
  expect((await rest.gateway.event("GUILD_UPDATE")).d).toMatchObject({ id: rest.guild.id, name: "New name" })
  const { json } = await rest.call("GET", `${guild}?with_counts=true`)
  expect(json).toMatchObject({ name: "New name", approximate_member_count: rest.guild.members.length })
  expect(await rest.call("GET", "/guilds/1")).toMatchObject({ status: 404, json: { code: 10004 } })
})

test("an emoji is made, renamed and removed", async () => {
  const { status, json } = await rest.call("POST", `${guild}/emojis`, {
    name: "wave",
    image: "data:image/png;base64,AA==",
  })
  expect([status, json.name]).toEqual([201, "wave"])
  expect((await rest.gateway.event("GUILD_EMOJIS_UPDATE")).d).toMatchObject({ guild_id: rest.guild.id })
  await rest.call("PATCH", `${guild}/emojis/${json.id}`, { name: "waves" })
  expect((await rest.call("GET", `${guild}/emojis/${json.id}`)).json.name).toBe("waves")
  expect((await rest.call("DELETE", `${guild}/emojis/${json.id}`)).status).toBe(204)
})

test("users, and the bot's guilds in pages", async () => {
  expect((await rest.call("GET", `/users/${memberId}`)).json).toMatchObject({ id: memberId })
  expect(await rest.call("GET", "/users/1")).toMatchObject({ status: 404, json: { code: 10013 } })
  const { json: first } = await rest.call("GET", "/users/@me/guilds?limit=1")
  const { json: second } = await rest.call("GET", `/users/@me/guilds?after=${first[0].id}`)
  expect([...first, ...second].map(({ id }: { id: string }) => id).sort()).toEqual(
    [...rest.discord.world.guildIds].sort(),
  )
})
