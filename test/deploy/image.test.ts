// The images, run as the documentation says: by environment alone, against a simulated Discord and a real Redis.
// scripts/image.ts builds them and runs this; elsewhere it is skipped.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import packageJson from "../../package.json"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { takeMessages } from "../fixtures/amqp-queues.ts"
import { freePort } from "../fixtures/free-port.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { answering } from "../fixtures/proxy-process.ts"
import { startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { type Container, type RunOptions, readImage, runContainer } from "./container.ts"

const BUNDLES = process.env["SPECTACLES_IMAGES"]
const IMAGES = BUNDLES ?? ""
const TIMEOUT_MS = 30_000
const RABBITMQ_TIMEOUT_MS = 120_000
const USER = "65532:65532"
const POLL_MS = 50

let redis: RedisServer
let discord: Simulator
const running: Container[] = []

function start(name: string, options: RunOptions = {}): Container {
  const container = runContainer(IMAGES, name, options)
  running.push(container)
  return container
}

/** What the documentation's `docker run` gives the gateway, and where the simulated Discord is. */
function gatewayEnvironment(settings: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return {
    DISCORD_TOKEN: TOKEN,
    DISCORD_EVENTS: "MESSAGE_CREATE",
    DISCORD_INTENTS: "GUILD,GUILD_MESSAGES",
    DISCORD_API_SCHEME: "http",
    DISCORD_API_HOST: discord.host,
    ...settings,
  }
}

function overRedis(): Readonly<Record<string, string>> {
  return gatewayEnvironment({ BROKER_TYPE: "redis", REDIS_URL: `localhost:${redis.port}` })
}

/** Without the intent MESSAGE_CONTENT, as in the documentation's command, Discord keeps the content to itself. */
function saysSomething(username: string): void {
  const author = { id: "80351110224678912", username }
  discord.dispatch(0, "MESSAGE_CREATE", {
    id: "1",
    guild_id: discord.world.guildIds[0],
    channel_id: "1",
    author,
  })
}

async function ready(): Promise<void> {
  await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
}

async function textUntil(stream: ReadableStream<Uint8Array>, expected: string): Promise<string> {
  let text = ""
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes(expected)) break
  }
  return text
}

if (BUNDLES === undefined) console.warn("SKIPPED: the images, because they are not built: run scripts/image.ts.")

describe.skipIf(BUNDLES === undefined)("images", () => {
  beforeAll(async () => {
    redis = await startRedisServer()
  }, TIMEOUT_MS)
  beforeEach(async () => {
    discord = await startSimulator({ guilds: 2 })
  })
  afterEach(async () => {
    for (const container of running.splice(0)) await container.stop()
    await discord.stop()
    await redis.command("FLUSHALL")
  }, TIMEOUT_MS)
  afterAll(() => redis.stop())

  test("say what they are, run as nobody, and end at SIGTERM", () => {
    for (const name of ["gateway", "proxy"]) {
      const image = readImage(IMAGES, name)
      expect(image).toMatchObject({
        User: USER,
        StopSignal: "SIGTERM",
        Entrypoint: ["spectacles", name],
        Healthcheck: { Test: ["CMD", "spectacles", "health", name] },
        Labels: {
          "org.opencontainers.image.title": `spectacles/${name}`,
          "org.opencontainers.image.version": packageJson.version,
        },
      })
    }
  })

  test("hold the executable and the authorities, and nothing of the sources", () => {
    const rootfs = join(IMAGES, "gateway-without-shell", "rootfs")
    expect(readdirSync(join(rootfs, "usr/local/bin"))).toEqual(["spectacles"])
    expect(readdirSync(join(rootfs, "etc/ssl/certs"))).toEqual(["ca-certificates.crt"])
    expect(readdirSync(join(rootfs, "etc/spectacles"))).toEqual([])
    expect(readdirSync(rootfs).sort()).toEqual(["data", "etc", "lib", "lib64", "tmp", "usr"])
  })

  for (const name of ["gateway", "gateway-without-shell"]) {
    test(
      `${name}: publishes events to Redis, is healthy, is nobody, and ends in time`,
      async () => {
        const container = start(name, { env: overRedis() })
        await ready()
        saysSomething("nelly")
        while (!(await redis.command("XREAD", "STREAMS", "MESSAGE_CREATE", "0-0")).includes("nelly")) {
          await Bun.sleep(POLL_MS)
        }
        expect(container.owner()).toBe(USER)
        expect(await container.exec(...(readImage(IMAGES, name).Healthcheck?.Test.slice(1) ?? []))).toMatchObject({
          code: 0,
        })
        const version = await container.exec("spectacles", "--version")
        expect(version.said).toContain(`spectacles ${packageJson.version} (commit `)
        expect(version.said).toContain("codec: native")
        await container.signal("TERM")
        expect(await container.exited).toBe(0)
      },
      TIMEOUT_MS,
    )
  }

  test(
    "gateway: publishes events to RabbitMQ as JSON",
    async () => {
      const rabbitmq = await startRabbitmqServer()
      try {
        start("gateway", { env: gatewayEnvironment({ BROKER_TYPE: "amqp", AMQP_URL: rabbitmq.url }) })
        await ready()
        saysSomething("nelly")
        const waiting = async () =>
          (await takeMessages(rabbitmq.url, "gateway", ["MESSAGE_CREATE"])).get("MESSAGE_CREATE")
        let messages = await waiting()
        while (messages?.length === 0) messages = await waiting()
        expect(JSON.parse(String(messages?.[0]?.content))).toMatchObject({ author: { username: "nelly" } })
      } finally {
        await rabbitmq.stop()
      }
    },
    RABBITMQ_TIMEOUT_MS,
  )

  test(
    "gateway: prints events on a terminal",
    async () => {
      const container = start("gateway", { env: gatewayEnvironment(), terminal: true })
      await ready()
      saysSomething("nelly")
      expect(await textUntil(container.output, "nelly")).toContain('{"event":"MESSAGE_CREATE","data":{')
    },
    TIMEOUT_MS,
  )

  test(
    "gateway: runs the native codec where only /tmp can be written, and tells its health to whoever asks",
    async () => {
      const address = `:${await freePort()}`
      const container = start("gateway", { env: { ...overRedis(), PROMETHEUS_ADDRESS: address }, readOnly: true })
      await ready()
      expect(await (await fetch(`http://127.0.0.1${address}/readyz`)).text()).toBe("ready\n")
      const health = await container.exec("spectacles", "health", "gateway")
      expect(health).toEqual({ code: 0, said: `http://127.0.0.1${address}/healthz answers (200).\n` })
      expect((await container.exec("spectacles", "--version")).said).toContain("codec: native")
      await container.signal("TERM")
      expect(await container.exited).toBe(0)
      expect(await container.errors).not.toContain("portable")
    },
    TIMEOUT_MS,
  )

  test(
    "gateway: reads a gateway.toml that is mounted in /etc/spectacles",
    async () => {
      const file = 'events = ["MESSAGE_CREATE"]\nintents = ["GUILDS"]\n[shard_store]\ntype = "file"\npath = "/data"\n'
      const container = start("gateway", {
        env: { DISCORD_TOKEN: TOKEN },
        args: ["--check"],
        files: { "/etc/spectacles/gateway.toml": file },
      })
      const printed = await new Response(container.output).text()
      expect(printed).toContain("gateway.toml")
      expect(printed).toContain('"/data"')
      expect(await container.exited).toBe(0)
    },
    TIMEOUT_MS,
  )

  test(
    "gateway: says in one sentence what is missing",
    async () => {
      const container = start("gateway", { env: { DISCORD_TOKEN: TOKEN, DISCORD_EVENTS: "MESSAGE_CREATE" } })
      expect(await container.exited).toBe(1)
      expect(await container.errors).toContain("set DISCORD_INTENTS")
    },
    TIMEOUT_MS,
  )

  test(
    "proxy: listens on every interface, passes requests on, is healthy, is nobody, and ends in time",
    async () => {
      const port = await freePort()
      const { Env, ExposedPorts } = readImage(IMAGES, "proxy")
      expect(Env).toContain("PROXY_ADDRESS=0.0.0.0:8080")
      expect(Object.keys(ExposedPorts ?? {})).toEqual(["8080/tcp"])
      const env = { PROXY_ADDRESS: `0.0.0.0:${port}`, DISCORD_API_SCHEME: "http", DISCORD_API_HOST: discord.host }
      const container = start("proxy", { env, readOnly: true })
      const url = `http://127.0.0.1:${port}/api/v10/gateway/bot`
      await answering(url)
      const response = await fetch(url, { headers: { authorization: `Bot ${TOKEN}` } })
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ url: discord.gatewayUrl })
      expect(container.owner()).toBe(USER)
      expect(await container.exec("spectacles", "health", "proxy")).toMatchObject({ code: 0 })
      await container.signal("TERM")
      expect(await container.exited).toBe(0)
    },
    TIMEOUT_MS,
  )

  test(
    "gateway, handler and proxy answer !ping together, over Redis, each on a read-only root",
    async () => {
      const metrics = await freePort()
      const discordIs = { DISCORD_API_SCHEME: "http", DISCORD_API_HOST: discord.host }
      const REDIS_URL = `redis://127.0.0.1:${redis.port}`
      start("proxy", {
        env: {
          ...discordIs,
          DISCORD_TOKEN: TOKEN,
          REDIS_URL,
          METRICS_ADDR: `:${metrics}`,
          PROXY_ADDRESS: `127.0.0.1:${await freePort()}`,
        },
        readOnly: true,
      })
      start("handler", { args: [REDIS_URL], readOnly: true })
      start("gateway", {
        env: { ...overRedis(), DISCORD_INTENTS: "GUILDS,GUILD_MESSAGES,MESSAGE_CONTENT" },
        readOnly: true,
      })
      await Promise.all([ready(), answering(`http://127.0.0.1:${metrics}/readyz`)])
      const { channel_id } = discord.rest.say({ content: "!ping" })
      const path = `/api/v10/channels/${channel_id}/messages`
      await discord.record.waitFor("request", (one) => one.method === "POST" && one.path === path && one.status === 200)
    },
    TIMEOUT_MS,
  )
})
