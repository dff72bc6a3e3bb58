// The gateway in discord.js' form against @discordjs/brokers and @discordjs/core, in a real Node process.

import { afterEach, beforeEach, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { type GatewayProcess, startGatewayProcess } from "../fixtures/gateway-process.ts"
import { publishKeyed } from "../fixtures/keyed-event.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { BotProcess } from "./bot-process.ts"

const BOT = `${import.meta.dir}/discordjs-brokers-bot.mjs`
const TIMEOUT_MS = 120_000
const MEMBERS = 1_500

let discord: Simulator
let redis: RedisServer
let gateway: GatewayProcess
let bot: BotProcess

beforeEach(async () => {
  ;[discord, redis] = await Promise.all([startSimulator({ guilds: 2, membersPerGuild: MEMBERS }), startRedisServer()])
  gateway = await startGatewayProcess(discord, {
    DISCORD_EVENTS: "MESSAGE_CREATE,GUILD_CREATE,GUILD_MEMBERS_CHUNK,RATE_LIMITED",
    DISCORD_RAW_INTENTS: "53608447",
    BROKER_TYPE: "redis",
    BROKER_FORMAT: "discordjs",
    REDIS_URL: redis.url,
  })
  bot = new BotProcess(["node", BOT, redis.url, `${discord.url}/api`], import.meta.dir)
  await bot.until(({ saw }) => saw === "ready")
  await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
}, TIMEOUT_MS)

afterEach(async () => {
  bot.kill()
  await gateway.stop()
  await Promise.all([discord.stop(), redis.stop()])
})

function dispatch(content: string): void {
  const [guild_id] = discord.world.guildIds
  discord.dispatch(0, "MESSAGE_CREATE", { content, guild_id, author: { username: "nelly" } })
}

test(
  "@discordjs/core gets every guild and message, with its shard",
  async () => {
    for (const id of discord.world.guildIds)
      await bot.until(({ t, d, shard }) => t === "GUILD_CREATE" && shard === 0 && (d as { id: string }).id === id)
    dispatch("“hello” 👍")
    const { d, shard } = await bot.until(({ t }) => t === "MESSAGE_CREATE")
    expect([(d as { content: string }).content, shard]).toEqual(["“hello” 👍", 0])
    expect(bot.sightings.filter(({ saw }) => saw === "error")).toEqual([])
  },
  TIMEOUT_MS,
)

test(
  "@discordjs/core gets an event with a key like any other",
  async () => {
    const author = { username: "nelly" }
    await publishKeyed(redis.url, "discordjs", "MESSAGE_CREATE", { content: "while resharding", author })
    const { d } = await bot.until(({ t }) => t === "MESSAGE_CREATE")
    expect((d as { content: string }).content).toBe("while resharding")
  },
  TIMEOUT_MS,
)

test(
  "@discordjs/core asks for members through the gateway and gets them all",
  async () => {
    dispatch("!members")
    const { d } = await bot.until(({ saw }) => saw === "members")
    expect(d).toBe(MEMBERS)
  },
  TIMEOUT_MS,
)
