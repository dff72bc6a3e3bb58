// The gateway and the library against the published @spectacles/brokers over Redis, in a real Node process.

import { afterEach, beforeEach, expect, test } from "bun:test"
import { Redis as Client } from "ioredis"
import { Redis } from "../../src/client/brokers.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { type GatewayProcess, startGatewayProcess } from "../fixtures/gateway-process.ts"
import { publishKeyed } from "../fixtures/keyed-event.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { startTcpSwitch } from "../fixtures/tcp-switch.ts"
import { BotProcess } from "./bot-process.ts"

const BOT = `${import.meta.dir}/spectacles-brokers-redis-bot.mjs`
const TIMEOUT_MS = 120_000
const CALLS = 50

let discord: Simulator
let redis: RedisServer
let gateway: GatewayProcess
let bot: BotProcess
let ours: Redis

beforeEach(async () => {
  ;[discord, redis] = await Promise.all([startSimulator({ guilds: 3 }), startRedisServer()])
  gateway = await startGatewayProcess(discord, {
    DISCORD_EVENTS: "MESSAGE_CREATE,GUILD_CREATE",
    DISCORD_RAW_INTENTS: "53608447",
    BROKER_TYPE: "redis",
    REDIS_URL: redis.url,
  })
  bot = new BotProcess(["node", BOT, redis.url], import.meta.dir)
  ours = new Redis("others", new Client(redis.url), { blockInterval: 100 })
  await bot.until(({ saw }) => saw === "ready")
  await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
}, TIMEOUT_MS)

afterEach(async () => {
  bot.kill()
  ours.disconnect()
  await gateway.stop()
  await Promise.all([discord.stop(), redis.stop()])
})

function message(content: string) {
  const [guild_id = ""] = discord.world.guildIds
  return { content, guild_id, author: { username: "nelly" }, big: 2 ** 40, none: null }
}

function dispatch(content: string): void {
  discord.dispatch(0, "MESSAGE_CREATE", message(content))
}

test(
  "@spectacles/brokers gets every guild and message as Discord sent it",
  async () => {
    for (const id of discord.world.guildIds)
      await bot.until(({ t, d }) => t === "GUILD_CREATE" && (d as { id: string }).id === id)
    dispatch("“hello” 👍")
    const { d } = await bot.until(({ t }) => t === "MESSAGE_CREATE")
    expect(d).toEqual(message("“hello” 👍"))
    expect(bot.sightings.filter(({ saw }) => saw === "error")).toEqual([])
  },
  TIMEOUT_MS,
)

test(
  "@spectacles/brokers gets an event with a key like any other",
  async () => {
    await publishKeyed(redis.url, "msgpack", "MESSAGE_CREATE", message("while resharding"))
    const { d } = await bot.until(({ t }) => t === "MESSAGE_CREATE")
    expect(d).toEqual(message("while resharding"))
  },
  TIMEOUT_MS,
)

test(
  "@spectacles/brokers sends packets by guild and by shard",
  async () => {
    const from = discord.record.next()
    dispatch("!send")
    for (const name of ["by guild", "by shard"]) {
      await discord.record.waitFor("packet", ({ op, d }) => op === 3 && JSON.stringify(d).includes(name), from)
    }
  },
  TIMEOUT_MS,
)

test(
  "@spectacles/brokers gets our replies, however fast they are",
  async () => {
    ours.on("ask", async (data: number, { ack, reply }) => {
      await Promise.all([reply(data + 1), ack()])
    })
    await ours.subscribe("ask")
    dispatch("!call")
    const { d } = await bot.until(({ saw }) => saw === "replies")
    expect(d).toEqual(Array.from({ length: CALLS }, (_, index) => index + 1))
    await ours.close()
  },
  TIMEOUT_MS,
)

test(
  "@spectacles/brokers gets our replies, however late its subscriptions and they reach it together",
  async () => {
    bot.kill()
    const way = await startTcpSwitch(redis.port, { lumpsMs: 20 })
    bot = new BotProcess(["node", BOT, `redis://127.0.0.1:${way.port}`], import.meta.dir)
    await bot.until(({ saw }) => saw === "ready")
    ours.on("ask", async (data: number, { ack, reply }) => {
      await Promise.all([reply(data + 1), ack()])
    })
    await ours.subscribe("ask")
    dispatch("!call")
    const { d } = await bot.until(({ saw }) => saw === "replies")
    expect(d).toEqual(Array.from({ length: CALLS }, (_, index) => index + 1))
    await ours.close()
    way.stop()
  },
  TIMEOUT_MS,
)

test(
  "our calls get the replies of @spectacles/brokers, however fast they are",
  async () => {
    const replies: unknown[] = []
    for (let index = 0; index < CALLS; index += 1) replies.push(await ours.call("answer", index))
    expect(replies).toEqual(Array.from({ length: CALLS }, (_, index) => index * 2))
  },
  TIMEOUT_MS,
)
