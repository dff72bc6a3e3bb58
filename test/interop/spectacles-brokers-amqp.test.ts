// The gateway and @spectacles/brokers 0.9.3, as published, over RabbitMQ: a command handler of today, in a real Node process.

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import { amqpBroker } from "../../src/brokers/amqp/broker.ts"
import type { Broker } from "../../src/brokers/broker.ts"
import { systemClock } from "../../src/flow/clock.ts"
import { silentLogger } from "../../src/ops/log.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { type RunningGateway, runGateway } from "../fixtures/running-gateway.ts"
import { BotProcess } from "./bot-process.ts"

const BOT = `${import.meta.dir}/spectacles-brokers-amqp-bot.mjs`
const GROUP = "gateway"
const TIMEOUT_MS = 120_000

let server: RabbitmqServer
let discord: Simulator
let gateway: RunningGateway
let answering: Broker
let bot: BotProcess

const connect = () =>
  amqpBroker({
    urls: [server.url],
    group: GROUP,
    // What its defaults decode.
    body: "msgpack",
    messageTimeoutMs: 60_000,
    events: ["MESSAGE_CREATE"],
    logger: silentLogger,
  })

beforeAll(async () => {
  server = await startRabbitmqServer()
}, TIMEOUT_MS)
afterAll(() => server.stop())

afterEach(async () => {
  bot.kill()
  await answering.close({ drainWithinMs: 0 })
  await gateway.stop()
  await discord.stop()
})

/** Another service of ours on the same broker. */
async function answer(broker: Broker): Promise<void> {
  for await (const request of broker.consume(["SUM"], new AbortController().signal)) {
    const { numbers } = request.data() as { readonly numbers: readonly number[] }
    await request.reply({ sum: numbers.reduce((sum, number) => sum + number, 0) })
    await request.ack()
  }
}

test(
  "@spectacles/brokers over AMQP gets events, acknowledges, gives back, sends a packet, calls and replies",
  async () => {
    discord = await startSimulator({ guilds: 2 })
    gateway = runGateway({ discord, clock: systemClock, broker: connect() })
    answering = connect()
    void answer(answering)
    await gateway.ready()
    const guild = discord.world.guildIds[0] ?? ""
    const message = (content: string) => ({ content, guild_id: guild, author: { id: "80351110224678912" } })
    discord.dispatch(0, "MESSAGE_CREATE", message("before anyone consumes “👍”"))

    bot = new BotProcess(["node", BOT, `127.0.0.1:${server.port}`, GROUP, guild], import.meta.dir)
    await bot.until(({ d }) => (d as { content?: string })?.content === "before anyone consumes “👍”")
    expect((await bot.until(({ saw }) => saw === "answered")).d).toEqual({ sum: 6 })
    const packet = await discord.record.waitFor("packet", ({ op }) => op === 4)
    expect(packet.d).toEqual({ guild_id: guild, channel_id: null, self_mute: false, self_deaf: true })

    discord.dispatch(0, "MESSAGE_CREATE", message("give me back"))
    await bot.until(({ saw }) => saw === "given back")
    await bot.until(({ saw, d }) => saw === "event" && (d as { content: string }).content === "give me back")
    expect(await answering.call("QUESTION", { question: 6 }, { timeoutMs: 10_000 })).toEqual({ answer: 42 })
    expect(bot.sightings.filter(({ saw }) => saw === "error")).toEqual([])
  },
  TIMEOUT_MS,
)
