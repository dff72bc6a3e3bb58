// The original's two documents, walked through command by command, without Docker: what a container would run is run here,
// with the same variables and the same files. Each test names the command, or the step, that it stands for.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { encodeBody } from "../../src/brokers/body.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { ExampleProcess } from "../examples/example-process.ts"
import { freePort } from "../fixtures/free-port.ts"
import { startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"

const ROOT = join(import.meta.dir, "../..")
const TIMEOUT_MS = 120_000
/** Where the documents say "your token", which is refused, since no token holds a space. */
const TOKEN = "your-token"
const GUILD = "81384788765712384"

/** As the introduction has it. */
const INDEX_MJS = `import { Redis } from '@spectacles/brokers';
import RedisClient from 'ioredis';

const client = new RedisClient();
const broker = new Redis('gateway', client);

broker.on('MESSAGE_CREATE', async (msg, { ack }) => {
	await ack();
	console.log(msg);
});

broker.subscribe('MESSAGE_CREATE');
`

const BASE_TOML = `token = "${TOKEN}"
events = ["GUILD_CREATE"]
intents = ["GUILD"]
`

let discord: Simulator
let folder: string
const running: { stop(): Promise<unknown> }[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spectacles-walk-"))
  discord = await startSimulator({ token: TOKEN, guilds: 2 })
})

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
  await discord.stop()
  await rm(folder, { recursive: true })
}, TIMEOUT_MS)

/** `spectacles/gateway`, in the folder, with these variables and the address of the simulated Discord. */
async function gateway(env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn([process.execPath, join(ROOT, "src/bin/gateway.ts")], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", DISCORD_API_SCHEME: "http", DISCORD_API_HOST: discord.host, ...env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  })
  running.push({
    async stop() {
      child.kill("SIGKILL")
      await child.exited
    },
  })
  const errors = child.stderr.text()
  const refused = child.exited.then(async () => `the gateway has ended: ${await errors}`)
  return { child, errors, ready: Promise.race([refused, isReady()]) }
}

async function isReady(): Promise<"ready"> {
  const from = discord.record.of("identify").length + discord.record.of("resume").length
  while (discord.record.of("identify").length + discord.record.of("resume").length === from) await Bun.sleep(5)
  return "ready"
}

/** Its content stays empty, as at Discord: the documents do not ask for MESSAGE_CONTENT. */
function sendAMessage(id: string): void {
  const author = { id: "80351110224678912", username: "nelly" }
  discord.dispatch(0, "MESSAGE_CREATE", { id, guild_id: GUILD, channel_id: "2", author, content: "hello" })
}

async function startRedis(): Promise<RedisServer> {
  const server = await startRedisServer()
  running.push(server)
  return server
}

/** The first line that standard output has. */
async function firstLine(output: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes("\n")) break
  }
  return text.slice(0, text.indexOf("\n"))
}

describe("the introduction", () => {
  test(
    "docker run redis; npm i ioredis @spectacles/brokers; node index.mjs; docker run spectacles/gateway: a message is printed",
    async () => {
      const redis = await startRedis()
      await mkdir(join(folder, "node_modules/@spectacles"), { recursive: true })
      for (const name of ["ioredis", "@spectacles/brokers"]) {
        await symlink(join(ROOT, "node_modules", name), join(folder, "node_modules", name))
      }
      await writeFile(join(folder, "index.mjs"), INDEX_MJS)
      const preload = join(import.meta.dir, "../examples/redis-at-home.cjs")
      const handler = new ExampleProcess(["node", "--require", preload, "index.mjs"], folder, {
        TEST_REDIS_PORT: String(redis.port),
      })
      running.push(handler)
      const { ready } = await gateway({
        DISCORD_TOKEN: TOKEN,
        DISCORD_EVENTS: "MESSAGE_CREATE",
        DISCORD_INTENTS: "GUILD,GUILD_MESSAGES",
        BROKER_TYPE: "redis",
        REDIS_URL: `localhost:${redis.port}`,
      })
      expect(await ready).toBe("ready")
      sendAMessage("1180000000000000001")
      await handler.says("id: '1180000000000000001'")
    },
    TIMEOUT_MS,
  )

  test("docker run spectacles/proxy: passes requests on to Discord, with no setting but its addresses", async () => {
    const port = await freePort()
    const child = Bun.spawn([process.execPath, join(ROOT, "src/bin/proxy.ts")], {
      cwd: folder,
      env: {
        PATH: process.env["PATH"] ?? "",
        PROXY_ADDRESS: `127.0.0.1:${port}`,
        DISCORD_API_SCHEME: "http",
        DISCORD_API_HOST: discord.host,
      },
      stdio: ["ignore", "ignore", "ignore"],
    })
    running.push({
      async stop() {
        child.kill("SIGKILL")
        await child.exited
      },
    })
    const ask = () =>
      fetch(`http://127.0.0.1:${port}/api/v10/gateway/bot`, { headers: { Authorization: `Bot ${TOKEN}` } }).catch(
        () => null,
      )
    let answer = await ask()
    while (answer === null) {
      await Bun.sleep(20)
      answer = await ask()
    }
    expect(await answer.json()).toMatchObject({ url: discord.gatewayUrl })
  })
})

describe("the gateway's page", () => {
  test("Config: gateway.toml in the working folder, with token, events and intents", async () => {
    await writeFile(join(folder, "gateway.toml"), BASE_TOML)
    const { child } = await gateway()
    const { event, data } = JSON.parse(await firstLine(child.stdout))
    expect([event, discord.world.guildIds]).toEqual(["GUILD_CREATE", expect.arrayContaining([data.id])])
  })

  test("Standard IO: docker run with DISCORD_TOKEN, DISCORD_EVENTS and DISCORD_INTENTS prints {event, data}, and takes MessagePack back", async () => {
    const { child, ready } = await gateway({
      DISCORD_TOKEN: TOKEN,
      DISCORD_EVENTS: "MESSAGE_CREATE",
      DISCORD_INTENTS: "GUILD,GUILD_MESSAGES",
    })
    expect(await ready).toBe("ready")
    sendAMessage("1180000000000000001")
    const { event, data } = JSON.parse(await firstLine(child.stdout))
    expect([event, data.id]).toEqual(["MESSAGE_CREATE", "1180000000000000001"])
    const presence = { since: null, activities: [], status: "idle", afk: false }
    child.stdin.write(encodeBody("msgpack", { event: "0", data: { op: 3, d: presence } }))
    await child.stdin.flush()
    expect((await discord.record.waitFor("packet", ({ op }) => op === 3)).d).toEqual(presence)
  })

  test(
    "Redis: [broker] and [redis] in gateway.toml; XREAD STREAMS GUILD_CREATE 0-0 shows the event",
    async () => {
      const redis = await startRedis()
      const toml = `${BASE_TOML}\n[broker]\ntype = "redis"\n\n[redis]\nurl = "localhost:${redis.port}"\n`
      await writeFile(join(folder, "gateway.toml"), toml)
      expect(await (await gateway()).ready).toBe("ready")
      let shown = ""
      while (!shown.includes("data")) shown = await redis.command("XREAD", "STREAMS", "GUILD_CREATE", "0-0")
      expect(shown).toMatch(/^GUILD_CREATE\n\d+-\d+\ndata\n/)
      const [guild = ""] = discord.world.guildIds
      expect(shown).toContain(guild)
    },
    TIMEOUT_MS,
  )

  test(
    "Redis: [shard_store] keeps sessions past a restart",
    async () => {
      const redis = await startRedis()
      const broker = `[broker]\ntype = "redis"\n\n[redis]\nurl = "localhost:${redis.port}"\n`
      const store = `[shard_store]\ntype = "redis"\nprefix = "gateway"\n`
      await writeFile(join(folder, "gateway.toml"), `${BASE_TOML}\n${broker}\n${store}`)
      const first = await gateway()
      expect(await first.ready).toBe("ready")
      while ((await redis.command("GET", "gateway:0")) === "") await Bun.sleep(10)
      first.child.kill("SIGKILL")
      await first.child.exited
      await gateway()
      await discord.record.waitFor("resume", ({ outcome }) => outcome === "resumed")
      expect(discord.record.of("identify").length).toBe(1)
    },
    TIMEOUT_MS,
  )

  test(
    "AMQP: [broker] and [amqp]; docker run rabbitmq:3-management; the dashboard's “Get messages” of gateway:MESSAGE_CREATE shows JSON",
    async () => {
      const dashboardPort = await freePort()
      const rabbit = await startRabbitmqServer({ dashboardPort })
      running.push(rabbit)
      const toml = `token = "${TOKEN}"\nevents = ["MESSAGE_CREATE"]\nintents = ["GUILD", "GUILD_MESSAGES"]\n`
      const amqp = `[broker]\ntype = "amqp"\n\n[amqp]\nurl = "amqp://localhost:${rabbit.port}"\n`
      await writeFile(join(folder, "gateway.toml"), `${toml}\n${amqp}`)
      expect(await (await gateway()).ready).toBe("ready")
      sendAMessage("1180000000000000001")
      // Steps 4 to 8: what the button sends, with "Ack message requeue false".
      const queue = `http://127.0.0.1:${dashboardPort}/api/queues/%2F/gateway%3AMESSAGE_CREATE`
      const headers = { Authorization: `Basic ${btoa("guest:guest")}` }
      const body = JSON.stringify({ count: 1, ackmode: "ack_requeue_false", encoding: "auto" })
      let messages: readonly { readonly payload: string; readonly payload_encoding: string }[] = []
      while (messages.length === 0) {
        const answer = await fetch(`${queue}/get`, { method: "POST", headers, body }).catch(() => null)
        if (answer?.ok === true) messages = (await answer.json()) as typeof messages
        await Bun.sleep(50)
      }
      expect(messages[0]?.payload_encoding).toBe("string")
      expect(JSON.parse(messages[0]?.payload ?? "")).toMatchObject({ id: "1180000000000000001", guild_id: GUILD })
    },
    TIMEOUT_MS,
  )

  test(
    "AMQP: docker run with BROKER_TYPE and AMQP_URL: works with the intents that the page says are needed, and asks for them",
    async () => {
      const rabbit = await startRabbitmqServer()
      running.push(rabbit)
      const env = {
        DISCORD_TOKEN: TOKEN,
        DISCORD_EVENTS: "MESSAGE_CREATE",
        BROKER_TYPE: "amqp",
        AMQP_URL: `amqp://localhost:${rabbit.port}`,
      }
      // The page leaves them out here.
      const { child, errors } = await gateway(env)
      expect(await child.exited).toBe(1)
      expect(await errors).toContain("DISCORD_INTENTS")
      expect(await (await gateway({ ...env, DISCORD_INTENTS: "GUILD,GUILD_MESSAGES" })).ready).toBe("ready")
    },
    TIMEOUT_MS,
  )
})
