// The examples, each in a process of its own, beside a gateway, a simulated Discord and the real broker.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { buildClient } from "../scripts/build-client.ts"
import type { Simulator } from "../src/simulator/simulator.ts"
import { startSimulator } from "../src/simulator/start.ts"
import { ExampleProcess } from "./examples/example-process.ts"
import { freePort } from "./fixtures/free-port.ts"
import { type GatewayProcess, startGatewayProcess } from "./fixtures/gateway-process.ts"
import { answering, startProxyProcess } from "./fixtures/proxy-process.ts"
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

/** The one that has the token. */
async function proxyOverRedis(): Promise<void> {
  const port = await freePort()
  running.push(
    await startProxyProcess({
      PROXY_ADDRESS: `127.0.0.1:${port}`,
      DISCORD_API_HOST: discord.host,
      DISCORD_TOKEN: "simulated",
      REDIS_URL: redis.url,
    }),
  )
  await answering(`http://127.0.0.1:${port}/`)
}

async function nothingPending(event: string, group: string): Promise<void> {
  while (!(await redis.command("XPENDING", event, group)).startsWith("0")) await Bun.sleep(10)
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
      await overRedis({ DISCORD_RAW_INTENTS: "33281" })
      await proxyOverRedis()
      const handler = example(await commandFor(runtime, "ping.ts", redis.url))
      discord.rest.say({ content: "not for us" })
      const { channel_id } = discord.rest.say({ content: "!ping" })
      await handler.says(`answered in ${channel_id}: Pong!`)
      await nothingPending("MESSAGE_CREATE", "ping")
      expect(await handler.end()).toBe(0)
      await nothingPending("REQUEST", "proxy")
      const sent = discord.record.of("request").filter(({ method }) => method === "POST")
      expect(sent).toMatchObject([{ path: `/api/v10/channels/${channel_id}/messages`, status: 200 }])
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
