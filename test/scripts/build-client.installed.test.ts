// The library as a user gets it: packed, installed with its dependencies in a folder of its own, and the example run with it.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import packageJson from "../../package.json"
import { buildClient } from "../../scripts/build-client.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { ExampleProcess } from "../examples/example-process.ts"
import { freePort } from "../fixtures/free-port.ts"
import { startGatewayProcess } from "../fixtures/gateway-process.ts"
import { answering, startProxyProcess } from "../fixtures/proxy-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"

const ROOT = join(import.meta.dir, "../..")
const REGISTRY = "https://registry.npmjs.org/"
const TIMEOUT_MS = 240_000
const OTHERS = [
  `ioredis@${packageJson.dependencies.ioredis}`,
  `@types/node@${packageJson.devDependencies["@types/node"]}`,
]

const INSTALLERS = [
  { runtime: "node", install: ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"] },
  { runtime: "bun", install: [process.execPath, "add", "--ignore-scripts"] },
] as const

const isOffline = (await fetch(REGISTRY, { method: "HEAD" }).catch(() => null)) === null

let folder: string
let archive: string
let redis: RedisServer
const running: { stop(): unknown }[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spectacles-installed-"))
  redis = await startRedisServer()
  await buildClient()
  await run(ROOT, "npm", "pack", "--ignore-scripts", "--pack-destination", folder)
  archive = join(folder, `spectacles-${packageJson.version}.tgz`)
}, TIMEOUT_MS)
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
  await redis.command("FLUSHALL")
})
afterAll(async () => {
  await redis.stop()
  await rm(folder, { recursive: true, force: true })
})

/** @throws Error with what the command said, when it fails. */
async function run(cwd: string, ...command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [out, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(" ")}: ${out}${complaint}`)
  return out
}

async function projectWith(runtime: string, install: readonly string[]): Promise<string> {
  const project = join(folder, runtime)
  await mkdir(project)
  await writeFile(join(project, "package.json"), '{ "private": true, "type": "module" }')
  await run(project, ...install, archive, ...OTHERS)
  const example = await readFile(join(ROOT, "examples/ping.ts"), "utf8")
  await writeFile(join(project, "ping.ts"), example)
  // Node 20 reads no TypeScript.
  await writeFile(join(project, "ping.js"), new Bun.Transpiler({ loader: "ts" }).transformSync(example))
  return project
}

/** A simulated Discord, and the services that the example needs. */
async function startServices() {
  const discord = await startSimulator({ guilds: 1 })
  running.push(discord)
  const port = await freePort()
  const settings = { DISCORD_EVENTS: "MESSAGE_CREATE", DISCORD_RAW_INTENTS: "33281", BROKER_TYPE: "redis" }
  running.push(
    await startGatewayProcess(discord, { ...settings, REDIS_URL: redis.url }),
    await startProxyProcess({
      PROXY_ADDRESS: `127.0.0.1:${port}`,
      DISCORD_API_HOST: discord.host,
      DISCORD_TOKEN: "simulated",
      REDIS_URL: redis.url,
    }),
  )
  await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
  await answering(`http://127.0.0.1:${port}/`)
  return discord
}

describe.skipIf(isOffline)("the installed library", () => {
  test.each(INSTALLERS)(
    "typechecks and runs the example under $runtime",
    async ({ runtime, install }) => {
      const project = await projectWith(runtime, install)
      const strict = ["--strict", "--noEmit", "--target", "esnext", "--module", "nodenext", "--types", "node"]
      expect(await run(project, join(ROOT, "node_modules/.bin/tsc"), ...strict, "ping.ts")).toBe("")
      const discord = await startServices()
      const command = runtime === "node" ? ["node", "ping.js", redis.url] : [process.execPath, "ping.ts", redis.url]
      const handler = new ExampleProcess(command, project, {})
      running.push(handler)
      const { channel_id } = discord.rest.say({ content: "!ping" })
      await handler.says(`answered in ${channel_id}: Pong!`)
      expect(await handler.end()).toBe(0)
    },
    TIMEOUT_MS,
  )

  test("is small: neither executables nor addons are in it", async () => {
    const listed = await run(ROOT, "tar", "-tzvf", archive)
    expect(listed).not.toMatch(/\.node$|dist\/spectacles/m)
    expect(Bun.file(archive).size).toBeLessThan(2_000_000)
  })
})
