// The examples, each in a process of its own, beside a gateway, a simulated Discord and the real broker.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { Redis as Client } from "ioredis"
import { buildClient } from "../scripts/build-client.ts"
import { Redis } from "../src/client/brokers.ts"
import type { Simulator } from "../src/simulator/simulator.ts"
import { startSimulator } from "../src/simulator/start.ts"
import { ExampleProcess } from "./examples/example-process.ts"
import { type GatewayProcess, startGatewayProcess } from "./fixtures/gateway-process.ts"
import { pythonEnvironment } from "./fixtures/python-environment.ts"
import { type RabbitmqServer, startRabbitmqServer } from "./fixtures/rabbitmq-server.ts"
import { type RedisServer, startRedisServer } from "./fixtures/redis-server.ts"

const ROOT = `${import.meta.dir}/..`
const EXAMPLES = `${ROOT}/examples`
const TIMEOUT_MS = 60_000
const MEMBERS = 1_200

const environment = await pythonEnvironment("examples", `${EXAMPLES}/requirements.txt`)
if (environment.type === "missing") console.warn(`SKIPPED: the example in Python, because ${environment.reason}`)
const python = environment.type === "installed" ? environment.python : ""

let redis: RedisServer
let rabbitmq: RabbitmqServer
let discord: Simulator
const running: { stop(): Promise<unknown> }[] = []

beforeAll(async () => {
  ;[redis, rabbitmq] = await Promise.all([startRedisServer(), startRabbitmqServer()])
}, TIMEOUT_MS)
beforeEach(async () => {
  discord = await startSimulator({ guilds: 1, membersPerGuild: MEMBERS })
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
  await discord.stop()
  await redis.command("FLUSHALL")
})
afterAll(() => Promise.all([redis.stop(), rabbitmq.stop()]))

async function gateway(settings: Readonly<Record<string, string>>): Promise<GatewayProcess> {
  const started = await startGatewayProcess(discord, { DISCORD_EVENTS: "MESSAGE_CREATE,MESSAGE_DELETE", ...settings })
  running.push(started)
  await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
  return started
}

function overRedis(settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> {
  return gateway({ BROKER_TYPE: "redis", REDIS_URL: `127.0.0.1:${redis.port}`, ...settings })
}

function example(command: readonly string[], env: Readonly<Record<string, string>> = {}): ExampleProcess {
  const process = new ExampleProcess(command, EXAMPLES, env)
  running.push(process)
  return process
}

function say(content: string): void {
  const author = { id: "80351110224678912", username: "nelly" }
  const [guild_id] = discord.world.guildIds
  discord.dispatch(0, "MESSAGE_CREATE", { id: "1", guild_id, channel_id: "290926798999357250", author, content })
}

test(
  "index.mjs of the introduction, exactly as written, prints messages under Node with the published package",
  async () => {
    await overRedis()
    const env = { TEST_REDIS_PORT: String(redis.port) }
    const handler = example(["node", "--require", `${import.meta.dir}/examples/redis-at-home.cjs`, "index.mjs"], env)
    say("hello from the introduction")
    await handler.says("content: 'hello from the introduction'")
  },
  TIMEOUT_MS,
)

describe("ping.ts", () => {
  test.each(["bun", "node"])(
    "answers !ping once, through the proxy, and ends in good order under %s",
    async (runtime) => {
      await overRedis()
      const requests: unknown[] = []
      const proxy = new Redis("proxy", new Client(redis.url))
      running.push({ stop: async () => proxy.disconnect() })
      proxy.on("REQUEST", async (request: unknown, { ack, reply }) => {
        requests.push(request)
        await reply({ status: 0, body: { status: 200, headers: {}, url: "", body: Buffer.from("{}") } })
        await ack()
      })
      proxy.on("error", () => {})
      await proxy.subscribe("REQUEST")
      const handler = example(await commandFor(runtime, "ping.ts", redis.url))
      say("not for us")
      say("!ping")
      await handler.says("/channels/290926798999357250/messages")
      expect(await handler.end()).toBe(0)
      await proxy.close()
      const body = new Uint8Array(Buffer.from('{"content":"Pong!"}'))
      expect(requests).toMatchObject([{ method: "POST", path: "/channels/290926798999357250/messages" }])
      expect(requests).toMatchObject([{ body: Buffer.from(body) }])
      expect(await redis.command("XPENDING", "MESSAGE_CREATE", "ping")).toStartWith("0")
    },
    TIMEOUT_MS,
  )
})

test(
  "amqp-consumer.ts prints what the gateway publishes as JSON to RabbitMQ",
  async () => {
    await gateway({ BROKER_TYPE: "amqp", AMQP_URL: rabbitmq.url })
    const handler = example(await commandFor("bun", "amqp-consumer.ts", rabbitmq.url))
    say("hello over AMQP")
    await handler.says("MESSAGE_CREATE hello over AMQP")
    expect(await handler.end()).toBe(0)
  },
  TIMEOUT_MS,
)

test(
  "members.ts prints every member of a guild",
  async () => {
    await overRedis({ DISCORD_EVENTS: "GUILD_MEMBERS_CHUNK,RATE_LIMITED", DISCORD_RAW_INTENTS: "3" })
    const [guildId = ""] = discord.world.guildIds
    const handler = example(await commandFor("bun", "members.ts", guildId, redis.url))
    expect(await handler.ended()).toBe(0)
    expect(handler.lines.length).toBe(MEMBERS)
  },
  TIMEOUT_MS,
)

test.skipIf(environment.type === "missing")(
  "consumer.py prints messages with redis-py",
  async () => {
    await overRedis()
    const handler = example([python, "consumer.py", redis.url])
    say("hello from Python")
    await handler.says("nelly: hello from Python")
  },
  TIMEOUT_MS,
)

/** Node does not read TypeScript, so it gets what a user would build of it. */
async function commandFor(runtime: string, file: string, ...args: readonly string[]): Promise<readonly string[]> {
  if (runtime === "bun") return [process.execPath, file, ...args]
  await buildClient()
  const text = await Bun.file(`${EXAMPLES}/${file}`).text()
  const built = `${ROOT}/.cache/examples/${file.replace(".ts", ".mjs")}`
  await Bun.write(built, new Bun.Transpiler({ loader: "ts" }).transformSync(text))
  return ["node", built, ...args]
}
