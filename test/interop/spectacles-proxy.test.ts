// The proxy's command and the simulator's REST API against the published @spectacles/proxy with @spectacles/brokers over
// Redis and AMQP, in a real Node process.

import { afterEach, expect, test } from "bun:test"
import type { Fault } from "../../src/simulator/faults/fault.ts"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../fixtures/free-port.ts"
import { answering, startProxyProcess } from "../fixtures/proxy-process.ts"
import { startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { startRedisServer } from "../fixtures/redis-server.ts"
import { startTcpSwitch } from "../fixtures/tcp-switch.ts"
import { BotProcess, type Sighting } from "./bot-process.ts"

const BOT = `${import.meta.dir}/spectacles-proxy-bot.mjs`
const TIMEOUT_MS = 120_000
const SEND = "POST /channels/:channel/messages"

let discord: Simulator
const running: { stop(): unknown }[] = []

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

interface Options extends SimulatorOptions {
  /** What Redis sends to the bot arrives in lumps, this far apart. */
  readonly lumpsMs?: number
  readonly fault?: Fault
}

async function startDiscord({ fault, ...options }: Omit<Options, "lumpsMs"> = {}): Promise<void> {
  discord = await startSimulator({ guilds: 2, ...options })
  running.push(discord)
  if (fault !== undefined) discord.inject(fault)
}

async function startProxy(broker: Readonly<Record<string, string>>): Promise<void> {
  const port = await freePort()
  const settings = { PROXY_ADDRESS: `127.0.0.1:${port}`, DISCORD_API_HOST: discord.host, ...broker }
  running.push(await startProxyProcess(settings))
  await answering(`http://127.0.0.1:${port}/`)
}

/** Runs the bot to its end. */
async function runBot(url: string, task: string): Promise<readonly Sighting[]> {
  const channels = discord.world.guildIds.flatMap((id) => discord.world.guild(id)?.textChannels[0]?.id ?? [])
  const bot = new BotProcess(["node", BOT, url, channels.join(), task], import.meta.dir)
  running.push({ stop: () => bot.kill() })
  await bot.until(({ saw }) => saw === "done" || saw === "failed")
  return bot.sightings
}

async function run(task: string, { lumpsMs, ...options }: Options = {}): Promise<readonly Sighting[]> {
  await startDiscord(options)
  const redis = await startRedisServer()
  running.push(redis)
  await startProxy({ REDIS_URL: redis.url })
  const way = await startTcpSwitch(redis.port, lumpsMs === undefined ? {} : { lumpsMs })
  running.push(way)
  const sightings = await runBot(`redis://127.0.0.1:${way.port}`, task)
  // What was answered is acknowledged a moment later.
  while (!(await redis.command("XPENDING", "REQUEST", "proxy")).startsWith("0")) await Bun.sleep(10)
  return sightings
}

/** What the bot sees that does every kind of thing to a message. */
const WORK = [
  ["sent", { content: "hello “spectacles” 👍", mine: true }],
  ["edited", "edited"],
  ["reacted", 204],
  ["history", ["as bytes", "edited"]],
  ["deleted", 204],
  ["error", { status: 404, type: "application/json", code: 10008 }],
  ["done", undefined],
]

test(
  "@spectacles/proxy sends, edits, reacts, reads, deletes, and understands errors",
  async () => {
    const sightings = await run("work")
    expect(sightings.map(({ saw, d }) => [saw, d])).toEqual(WORK)
    expect(discord.record.of("request").flatMap(({ reason }) => reason ?? [])).toEqual(["a%20reason"])
    expect(discord.rest.counts().refused).toMatchObject({ user: 0, global: 0, shared: 0 })
  },
  TIMEOUT_MS,
)

test(
  "@spectacles/proxy asks for more than the limits allow, and Discord has to send no 429",
  async () => {
    const [burst, end] = await run("burst", { limits: { rules: { [SEND]: { windowMs: 800 } } } })
    expect([burst?.d, end?.saw]).toEqual([Array(30).fill(200), "done"])
    expect(discord.rest.counts()).toMatchObject({
      requests: { [SEND]: { 200: 30 } },
      refused: { user: 0, global: 0, shared: 0 },
    })
  },
  TIMEOUT_MS,
)

test(
  "@spectacles/proxy is told what it did wrong",
  async () => {
    const [mistakes, end] = await run("mistakes", { fault: { type: "silence", on: "request" } })
    expect(end?.saw).toBe("done")
    expect(mistakes?.d).toEqual([3, 4, 5, 6, 2, 8].map((status) => [status, "string"]))
  },
  TIMEOUT_MS,
)

test(
  "@spectacles/proxy over AMQP works alike, and is told what it did wrong",
  async () => {
    await startDiscord()
    const rabbitmq = await startRabbitmqServer()
    running.push(rabbitmq)
    await startProxy({ AMQP_URL: rabbitmq.url })
    // Where nobody consumes, a request is dropped by the server and never answered.
    while (!(await rabbitmq.ctl("list_queues", "name", "consumers")).includes("proxy:REQUEST\t1")) await Bun.sleep(50)
    expect((await runBot(rabbitmq.url, "work")).map(({ saw, d }) => [saw, d])).toEqual(WORK)
    expect(discord.rest.counts().refused).toMatchObject({ user: 0, global: 0, shared: 0 })
    discord.inject({ type: "silence", on: "request" })
    const [mistakes] = await runBot(rabbitmq.url, "mistakes")
    expect(mistakes?.d).toEqual([3, 4, 5, 6, 2, 8].map((status) => [status, "string"]))
  },
  TIMEOUT_MS,
)

test.each([
  ["however busy it is", {}],
  ["however late its subscriptions and their messages reach it together", { lumpsMs: 40 }],
])(
  "@spectacles/proxy hears every one of a thousand fast replies, %s",
  async (_how, options) => {
    const [race, end] = await run("race", options)
    expect([race?.d, end?.saw]).toEqual([{ "status 3": 1_000 }, "done"])
  },
  TIMEOUT_MS,
)
