import { afterEach, beforeEach, expect, test } from "bun:test"
import { ALL_INTENTS, intentBits } from "../../../src/discord/intents.ts"
import type { Simulator } from "../../../src/simulator/simulator.ts"
import { startSimulator } from "../../../src/simulator/start.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { GatewayClient } from "../gateway-client.ts"

let simulator: Simulator
let client: GatewayClient
let guildId: string
const clock = new FakeClock()

beforeEach(async () => {
  simulator = await startSimulator({ guilds: 1, membersPerGuild: 2_300, maxConcurrency: 16, clock })
  guildId = simulator.world.guildIds[0] ?? ""
})

afterEach(async () => {
  client.cut()
  await simulator.stop()
})

async function connect(intents = ALL_INTENTS): Promise<void> {
  client = new GatewayClient(simulator.gatewayUrl)
  await client.identify({ intents })
}

test("all members come in chunks of 1,000 with the nonce", async () => {
  await connect()
  client.send(8, { guild_id: guildId, query: "", limit: 0, nonce: "abc" })
  for (const [index, size] of [1_000, 1_000, 300].entries()) {
    const { d } = await client.event("GUILD_MEMBERS_CHUNK")
    expect(d).toMatchObject({ guild_id: guildId, chunk_index: index, chunk_count: 3, nonce: "abc" })
    expect(d).toHaveProperty("members.length", size)
  }
})

test("all members a second time within 30 s is RATE_LIMITED", async () => {
  await connect()
  client.send(8, { guild_id: guildId, query: "", limit: 0 })
  await client.event("GUILD_MEMBERS_CHUNK")
  clock.advance(10_000)
  client.send(8, { guild_id: guildId, query: "", limit: 0, nonce: "second" })
  const { d } = await client.event("RATE_LIMITED")
  expect(d).toEqual({ opcode: 8, retry_after: 20, meta: { guild_id: guildId, nonce: "second" } })
  clock.advance(20_000)
  client.send(8, { guild_id: guildId, query: "", limit: 0, nonce: "third" })
  expect((await client.event("GUILD_MEMBERS_CHUNK")).d).toMatchObject({ nonce: "third" })
})

test("members by id say which were not found", async () => {
  await connect()
  const known = simulator.world.guild(guildId)?.members[7]?.user.id ?? ""
  client.send(8, { guild_id: guildId, user_ids: [known, "1"], limit: 0 })
  const { d } = await client.event("GUILD_MEMBERS_CHUNK")
  expect(d).toMatchObject({ members: [{ user: { id: known } }], not_found: ["1"], chunk_count: 1 })
})

test("ids may be numbers, beyond what a double holds", async () => {
  await connect()
  client.sendText(`{"op":8,"d":{"guild_id":${guildId},"user_ids":[1],"limit":0}}`)
  expect((await client.event("GUILD_MEMBERS_CHUNK")).d).toMatchObject({ guild_id: guildId, not_found: ["1"] })
})

test("a search brings at most 100 members whose names start so", async () => {
  await connect()
  client.send(8, { guild_id: guildId, query: "t", limit: 1_000 })
  const { d } = await client.event("GUILD_MEMBERS_CHUNK")
  expect(d).toHaveProperty("members.length", 100)
})

test("a nonce over 32 bytes is left out", async () => {
  await connect()
  client.send(8, { guild_id: guildId, user_ids: ["1"], nonce: "é".repeat(17) })
  expect((await client.event("GUILD_MEMBERS_CHUNK")).d).not.toHaveProperty("nonce")
})

test("more than 100 ids cannot be decoded", async () => {
  await connect()
  client.send(8, { guild_id: guildId, user_ids: Array.from({ length: 101 }, (_, n) => String(n)) })
  expect((await client.ended).code).toBe(4002)
})

test("joining a voice channel brings the state and the server", async () => {
  await connect()
  const channelId = simulator.world.guild(guildId)?.voiceChannels[0]?.id ?? ""
  client.send(4, { guild_id: guildId, channel_id: channelId, self_mute: true, self_deaf: false })
  const state = await client.event("VOICE_STATE_UPDATE")
  expect(state.d).toMatchObject({ channel_id: channelId, user_id: simulator.world.bot.id, self_mute: true })
  expect((await client.event("VOICE_SERVER_UPDATE")).d).toMatchObject({ guild_id: guildId })
})

test("soundboard sounds and channel info are answered", async () => {
  await connect()
  client.send(31, { guild_ids: [guildId] })
  expect((await client.event("SOUNDBOARD_SOUNDS")).d).toEqual({ soundboard_sounds: [], guild_id: guildId })
  client.send(43, { guild_id: guildId, fields: ["status"] })
  expect((await client.event("CHANNEL_INFO")).d).toMatchObject({ guild_id: guildId })
})

test("what a client sent is on record", async () => {
  await connect()
  const presence = { since: null, activities: [{ name: "x", type: 0 }], status: "online", afk: false }
  client.send(3, presence)
  expect(await simulator.record.waitFor("packet")).toMatchObject({ op: 3, d: presence, shard: 0 })
})

test("only events that the intents cover are dispatched", async () => {
  await connect(intentBits(["GUILD_MESSAGES"]))
  simulator.dispatch(0, "TYPING_START", { guild_id: guildId })
  simulator.dispatch(0, "MESSAGE_CREATE", { content: "private" })
  simulator.dispatch(0, "MESSAGE_CREATE", { guild_id: guildId, content: "secret", embeds: [{}], id: "1" })
  const { s, d } = await client.event("MESSAGE_CREATE")
  expect(s).toBe(2)
  expect(d).toEqual({ guild_id: guildId, id: "1", content: "", embeds: [], attachments: [], components: [] })
})

test("content is shown without its intent where the bot is mentioned", async () => {
  await connect(intentBits(["GUILD_MESSAGES"]))
  const message = { guild_id: guildId, content: "hello", mentions: [{ id: simulator.world.bot.id }] }
  simulator.dispatch(0, "MESSAGE_CREATE", message)
  expect((await client.event("MESSAGE_CREATE")).d).toEqual(message)
})

test("without the presences intent a guild comes with the bot and those in voice only", async () => {
  await connect(intentBits(["GUILDS"]))
  const { d } = await client.event("GUILD_CREATE")
  const inVoice = new Set(simulator.world.guild(guildId)?.voiceStates.map((state) => state.user_id))
  expect(d).toMatchObject({ member_count: 2_300, presences: [], large: true })
  expect(d).toHaveProperty("members.length", inVoice.size + 1)
})
