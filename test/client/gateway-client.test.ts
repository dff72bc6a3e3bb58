// What the gateway client publishes, and what it makes of the answers. test/examples has it beside a real gateway.

import { beforeEach, describe, expect, test } from "bun:test"
import { GatewayClient } from "../../src/client/gateway-client.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"
import { FakeGatewayBroker } from "./gateway/gateway-broker.ts"

const GUILD = "197038439483310086"
const USER = "80351110224678912"
const CHANNEL = "290926798999357250"
const PRESENCE = { since: null, activities: [], status: "online", afk: false } as never

let broker: FakeGatewayBroker
let clock: FakeClock
let client: GatewayClient

beforeEach(() => {
  broker = new FakeGatewayBroker()
  clock = new FakeClock()
  client = new GatewayClient(broker, { userId: USER, shardCount: 3, clock })
})

function chunk(nonce: string, index: number, count: number, ids: readonly string[], rest = {}) {
  const members = ids.map((id) => ({ user: { id } }))
  broker.dispatch("GUILD_MEMBERS_CHUNK", {
    guild_id: GUILD,
    chunk_index: index,
    chunk_count: count,
    members,
    nonce,
    ...rest,
  })
}

async function nonces(): Promise<string[]> {
  await broker.settle()
  return broker.published.map(({ data }) => data.packet.d.nonce)
}

describe("send", () => {
  test("goes to a shard by its number, and to a guild by its id", async () => {
    const packet = { op: 31, d: { guild_ids: [GUILD] } } as const
    await client.send(2, packet as never)
    await client.send(GUILD, packet as never)
    expect(broker.published).toEqual([
      { event: "2", data: packet },
      { event: "SEND", data: { guild_id: GUILD, packet } },
    ])
  })

  test.each([
    [-1, { op: 3, d: PRESENCE }, "Cannot send to shard -1: a shard is a number from 0; a guild's id is a string."],
    [1.5, { op: 3, d: PRESENCE }, "Cannot send to shard 1.5"],
    ["general", { op: 3, d: PRESENCE }, 'Cannot send to guild "general": its id is a snowflake of up to 20 digits.'],
    [0, { op: 2, d: {} }, "Cannot send op 2: the gateway takes 3, 4, 8, 31, 43."],
    [0, { op: 43, d: { text: "x".repeat(4_096) } }, "Cannot send op 43: it has 4121 bytes, and Discord takes 4096."],
  ])("refuses what the gateway would refuse before it is published (%#)", async (target, packet, message) => {
    await expect(client.send(target, packet as never)).rejects.toThrow(message)
    expect(broker.published).toEqual([])
  })
})

describe("requestGuildMembers", () => {
  test("listens first, then sends one packet, and gives the members of every part", async () => {
    const list = client.requestGuildMembers({ guildId: GUILD })
    const [nonce = ""] = await nonces()
    expect([...broker.watched.keys()]).toEqual(["GUILD_MEMBERS_CHUNK", "RATE_LIMITED"])
    expect(broker.published[0]?.data.packet).toEqual({
      op: 8,
      d: { guild_id: GUILD, query: "", limit: 0, nonce },
    })
    expect(Buffer.byteLength(nonce)).toBeLessThanOrEqual(32)
    chunk(nonce, 1, 2, ["3"])
    chunk(nonce, 1, 2, ["3"])
    chunk("another's", 0, 1, ["9"])
    chunk(nonce, 0, 2, ["1", "2"])
    const ids: string[] = []
    for await (const { user } of list) ids.push(user.id)
    expect(ids).toEqual(["3", "1", "2"])
  })

  test("gives what was not found and the presences with all members", async () => {
    const list = client.requestGuildMembers({ guildId: GUILD, userIds: ["1", "2"], presences: true })
    const [nonce = ""] = await nonces()
    expect(broker.published[0]?.data.packet.d).toMatchObject({ user_ids: ["1", "2"], presences: true })
    chunk(nonce, 0, 1, ["1"], { not_found: ["2"], presences: [{ user: { id: "1" } }] })
    expect(await list.all()).toMatchObject({ members: [{ user: { id: "1" } }], notFound: ["2"], presences: [{}] })
  })

  test("sends equal requests that are under way once, and each gets everything", async () => {
    const lists = [
      client.requestGuildMembers({ guildId: GUILD, userIds: ["2", "1"] }),
      client.requestGuildMembers({ guildId: GUILD, userIds: ["1", "2"] }),
    ]
    const [nonce = "", ...others] = await nonces()
    expect(others).toEqual([])
    chunk(nonce, 0, 1, ["1", "2"])
    for (const list of lists) expect((await list.all()).members.length).toBe(2)
    client.requestGuildMembers({ guildId: GUILD, userIds: ["1", "2"] })
    expect((await nonces()).length).toBe(2)
  })

  test("sends different requests apart", async () => {
    for (const query of ["a", "b"]) client.requestGuildMembers({ guildId: GUILD, query, limit: 5 })
    expect(new Set(await nonces()).size).toBe(2)
  })

  test("waits as long as Discord's rate limit says and sends again, with no timeout in between", async () => {
    const list = client.requestGuildMembers({ guildId: GUILD, timeoutMs: 1_000 })
    const [nonce = ""] = await nonces()
    broker.dispatch("RATE_LIMITED", { opcode: 8, retry_after: 29.5, meta: { guild_id: GUILD, nonce } })
    clock.advance(29_499)
    expect((await nonces()).length).toBe(1)
    clock.advance(1)
    expect(await nonces()).toEqual([nonce, nonce])
    chunk(nonce, 0, 1, ["1"])
    expect((await list.all()).members.length).toBe(1)
  })

  test("gives up when the rate limit never ends", async () => {
    const list = client.requestGuildMembers({ guildId: GUILD })
    for (let time = 0; time < 6; time += 1) {
      const [nonce] = await nonces()
      broker.dispatch("RATE_LIMITED", { opcode: 8, retry_after: 1, meta: { guild_id: GUILD, nonce } })
      clock.advance(1_000)
    }
    await expect(list.all()).rejects.toThrow("Discord's rate limit was hit 6 times; ask less often.")
  })

  test("fails after some silence, and says what may be missing", async () => {
    const list = client.requestGuildMembers({ guildId: GUILD, timeoutMs: 1_000 })
    const [nonce = ""] = await nonces()
    clock.advance(999)
    chunk(nonce, 0, 2, ["1"])
    clock.advance(999)
    const ids: string[] = []
    const reading = (async () => {
      for await (const { user } of list) ids.push(user.id)
    })()
    clock.advance(1)
    await expect(reading).rejects.toThrow(/nothing came for 1000 ms; the gateway's events must have/)
    expect(ids).toEqual(["1"])
  })

  test("refuses what Discord would refuse", () => {
    const userIds = Array.from({ length: 101 }, (_, id) => String(id))
    expect(() => client.requestGuildMembers({ guildId: GUILD, userIds })).toThrow("at most 100 at once")
    expect(() => client.requestGuildMembers({ guildId: "x" })).toThrow("is a snowflake")
  })

  test("fails what waits when the client closes, and watches no more", async () => {
    const list = client.requestGuildMembers({ guildId: GUILD })
    await nonces()
    await client.close()
    await expect(list.all()).rejects.toThrow("the gateway client was closed")
    expect(broker.watched.size).toBe(0)
  })
})

describe("updatePresence", () => {
  test("goes to all shards, or to those that are named", async () => {
    await client.updatePresence(PRESENCE)
    await client.updatePresence(PRESENCE, { shards: [7] })
    expect(broker.published.map(({ event }) => event)).toEqual(["0", "1", "2", "7"])
    expect(broker.published[0]?.data).toEqual({ op: 3, d: PRESENCE })
  })

  test("needs to know how many shards there are", async () => {
    const blind = new GatewayClient(broker)
    await expect(blind.updatePresence(PRESENCE)).rejects.toThrow("the client was made without shardCount")
  })
})

describe("joinVoice", () => {
  const state = { guild_id: GUILD, channel_id: CHANNEL, user_id: USER, session_id: "s" }
  const server = { guild_id: GUILD, token: "t", endpoint: "voice.example:443" }

  test("resolves to the bot's own state and the server, whichever comes first", async () => {
    for (const order of [0, 1]) {
      const joined = client.joinVoice({ guildId: GUILD, channelId: CHANNEL, selfDeaf: true })
      await broker.settle()
      broker.dispatch("VOICE_STATE_UPDATE", { ...state, user_id: "another's" })
      broker.dispatch("VOICE_SERVER_UPDATE", { ...server, endpoint: null })
      if (order === 0) broker.dispatch("VOICE_STATE_UPDATE", state)
      broker.dispatch("VOICE_SERVER_UPDATE", server)
      broker.dispatch("VOICE_STATE_UPDATE", state)
      expect(await joined).toEqual({ state, server } as never)
    }
    const d = { guild_id: GUILD, channel_id: CHANNEL, self_mute: false, self_deaf: true }
    expect(broker.published[0]).toEqual({ event: "SEND", data: { guild_id: GUILD, packet: { op: 4, d } } })
  })

  test("says what did not come", async () => {
    const joined = client.joinVoice({ guildId: GUILD, channelId: CHANNEL })
    await broker.settle()
    broker.dispatch("VOICE_STATE_UPDATE", state)
    clock.advance(10_000)
    await expect(joined).rejects.toThrow(`Cannot join voice channel ${CHANNEL}: no VOICE_SERVER_UPDATE within 10000 ms`)
  })

  test("is given up in time while the broker takes nothing, and by whoever waits for it", async () => {
    const stuck = Promise.withResolvers<void>()
    broker.publish = () => stuck.promise
    const joined = client.joinVoice({ guildId: GUILD, channelId: CHANNEL })
    await broker.settle()
    clock.advance(10_000)
    await expect(joined).rejects.toThrow(`Cannot join voice channel ${CHANNEL}: no VOICE_STATE_UPDATE`)
    stuck.reject(new Error("Connection is closed."))
    await broker.settle()
  })

  test("fails as the sending does, and leaves a later join alone", async () => {
    const stuck = Promise.withResolvers<void>()
    broker.publish = () => stuck.promise
    const first = client.joinVoice({ guildId: GUILD, channelId: "1" })
    first.catch(() => {})
    await broker.settle()
    broker.publish = () => {}
    const second = client.joinVoice({ guildId: GUILD, channelId: CHANNEL })
    await broker.settle()
    stuck.reject(new Error("Connection is closed."))
    await broker.settle()
    broker.dispatch("VOICE_STATE_UPDATE", state)
    broker.dispatch("VOICE_SERVER_UPDATE", server)
    expect(await second).toEqual({ state, server } as never)
    broker.publish = () => Promise.reject(new Error("Connection is closed."))
    await expect(client.joinVoice({ guildId: GUILD, channelId: CHANNEL })).rejects.toThrow("Connection is closed.")
  })

  test("gives way to a later join and to a leave", async () => {
    const first = client.joinVoice({ guildId: GUILD, channelId: "1" })
    first.catch(() => {})
    await broker.settle()
    const second = client.joinVoice({ guildId: GUILD, channelId: "2" })
    second.catch(() => {})
    await broker.settle()
    await expect(first).rejects.toThrow("another join followed")
    await client.leaveVoice(GUILD)
    await expect(second).rejects.toThrow("it was left again")
    expect(broker.published.at(-1)?.data.packet.d.channel_id).toBeNull()
  })

  test("needs to know the bot's user id", async () => {
    await expect(new GatewayClient(broker).joinVoice({ guildId: GUILD, channelId: CHANNEL })).rejects.toThrow(
      "the client was made without userId",
    )
  })
})
