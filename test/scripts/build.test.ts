// The executable as a user has it: one file in an empty folder, with an empty environment, called by its name and by links.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import packageJson from "../../package.json"
import { buildExecutable } from "../../scripts/build.ts"
import { hostTarget, TARGETS, targetNamed } from "../../scripts/targets.ts"
import { loadCodec } from "../../src/codec/load.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../fixtures/free-port.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { answering } from "../fixtures/proxy-process.ts"
import { startRedisServer } from "../fixtures/redis-server.ts"

const TIMEOUT_MS = 120_000
/** Where no addon can be unpacked. */
const NO_TEMPORARY_FOLDER = { TMPDIR: "/nonexistent", BUN_TMPDIR: "/nonexistent" }
const LONG = process.env["SPECTACLES_LONG_TESTS"] === "1"

let folder: string
let executable: string
let hasAddon: boolean
const running: { stop(): unknown }[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spectacles-executable-"))
  executable = join(folder, "spectacles")
  hasAddon = (await buildExecutable(hostTarget(), { outfile: executable, native: true })).addon !== undefined
}, TIMEOUT_MS)
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function start(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const cwd = await mkdtemp(join(folder, "empty-"))
  const child = Bun.spawn([command, ...args], { cwd, env, stdin: "pipe", stdout: "pipe", stderr: "pipe" })
  running.push({
    stop: async () => {
      child.kill("SIGKILL")
      await child.exited
    },
  })
  return child
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}, command = executable) {
  const child = await start(command, args, env)
  child.stdin.end()
  const [out, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, out, complaint }
}

/** The executable by another name. */
async function link(name: string): Promise<string> {
  const path = join(folder, name)
  if (!existsSync(path)) await symlink(executable, path)
  return path
}

async function discordWith(env: Readonly<Record<string, string>>) {
  const discord = await startSimulator({ token: TOKEN, guilds: 1 })
  running.push(discord)
  const settings = {
    DISCORD_TOKEN: TOKEN,
    DISCORD_API_SCHEME: "http",
    DISCORD_API_HOST: discord.host,
    DISCORD_EVENTS: "MESSAGE_CREATE",
    DISCORD_INTENTS: "GUILDS,GUILD_MESSAGES,DIRECT_MESSAGES,MESSAGE_CONTENT",
    ...env,
  }
  return { discord, settings }
}

describe("the executable", () => {
  test("says what it is and which codec it has", async () => {
    const { code, out } = await run(["--version"])
    const codec = hasAddon ? loadCodec("native").description : "portable"
    expect(out).toStartWith(`spectacles ${packageJson.version} (commit `)
    expect(out).toContain(`, ${hostTarget().name}, Bun ${Bun.version}, codec: ${codec}`)
    expect(code).toBe(0)
  })

  test("runs the demo, and loses nothing", async () => {
    const { code, out, complaint } = await run(["demo", "--seconds", "2"])
    expect({ code, complaint, out }).toEqual({
      code: 0,
      complaint: "",
      out: expect.stringContaining(" published, 0 lost"),
    })
    expect(out).toContain("GUILD_MESSAGES spectacles gateway")
  })

  test("checks a configuration, and keeps the token to itself", async () => {
    const env = { DISCORD_TOKEN: TOKEN, DISCORD_EVENTS: "MESSAGE_CREATE", DISCORD_INTENTS: "GUILD_MESSAGES" }
    const { code, out, complaint } = await run(["gateway", "--check"], env)
    expect([code, complaint]).toEqual([0, ""])
    expect(out).toContain('events = [ "MESSAGE_CREATE" ]')
    expect(out).not.toContain(TOKEN)
  })

  test("is the gateway or the proxy when a link calls it so", async () => {
    const proxy = await run(["--check"], {}, await link("proxy"))
    expect([proxy.code, proxy.complaint, proxy.out]).toEqual([0, "", expect.stringContaining("[http]")])
    const gateway = await run(["--check"], {}, await link("gateway"))
    expect([gateway.code, gateway.complaint]).toEqual([1, expect.stringContaining("the token is missing")])
  })

  test("takes packets from standard input and gives events to standard output", async () => {
    const { discord, settings } = await discordWith({})
    const gateway = await start(await link("gateway"), [], settings)
    await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
    discord.dispatch(0, "MESSAGE_CREATE", { content: "hello" })
    const { value } = await gateway.stdout.getReader().read()
    expect(new TextDecoder().decode(value)).toBe('{"event":"MESSAGE_CREATE","data":{"content":"hello"}}\n')
    gateway.stdin.write(
      '{"event":"0","data":{"op":3,"d":{"since":null,"activities":[],"status":"idle","afk":false}}}\n',
    )
    void gateway.stdin.flush()
    expect(await discord.record.waitFor("packet", ({ op }) => op === 3)).toMatchObject({ d: { status: "idle" } })
    gateway.kill("SIGTERM")
    expect(await gateway.exited).toBe(0)
  })

  test("publishes to Redis, and takes packets from it", async () => {
    const redis = await startRedisServer()
    running.push(redis)
    const { discord, settings } = await discordWith({ BROKER_TYPE: "redis", REDIS_URL: redis.url })
    const gateway = await start(executable, ["gateway"], settings)
    await discord.record.waitFor("identify", ({ outcome }) => outcome === "ready")
    discord.dispatch(0, "MESSAGE_CREATE", { content: "hello" })
    const client = new Bun.RedisClient(redis.url)
    const entry = await client.send("XREAD", ["BLOCK", "60000", "STREAMS", "MESSAGE_CREATE", "0-0"])
    expect(JSON.stringify(entry)).toContain("hello")
    const packet = { op: 3, d: { since: null, activities: [], status: "dnd", afk: false } }
    await client.send("XADD", ["0", "*", "data", JSON.stringify(packet)])
    expect(await discord.record.waitFor("packet", ({ op }) => op === 3)).toMatchObject({ d: { status: "dnd" } })
    client.close()
    gateway.kill("SIGTERM")
    expect(await gateway.exited).toBe(0)
  })

  test("runs on the portable codec where the addon cannot be unpacked, and says why", async () => {
    const { out } = await run(["--version"], NO_TEMPORARY_FOLDER)
    expect(out).toContain("codec: portable (Cannot load the native codec: ")
    expect(out).toContain(hasAddon ? "let TMPDIR name a folder that can be written to" : "built without it")
    const demo = await run(["demo", "--seconds", "2"], NO_TEMPORARY_FOLDER)
    expect([demo.code, demo.out]).toEqual([0, expect.stringContaining(" published, 0 lost")])
  })

  test("starts itself anew as the proxy, for more requests in flight than Bun allows by itself", async () => {
    const metricsPort = await freePort()
    const proxy = await start(await link("proxy"), ["--loglevel", "warn"], {
      PROXY_ADDRESS: `127.0.0.1:${await freePort()}`,
      METRICS_ADDR: `127.0.0.1:${metricsPort}`,
      PROXY_CONNECTIONS: "1000",
    })
    expect((await answering(`http://127.0.0.1:${metricsPort}/healthz`)).status).toBe(200)
    if (process.platform === "linux") {
      expect(await readFile(`/proc/${proxy.pid}/environ`, "utf8")).toContain("BUN_CONFIG_MAX_HTTP_REQUESTS=1000")
    }
    proxy.kill("SIGTERM")
    expect([await proxy.exited, await proxy.stderr.text()]).toEqual([0, ""])
  })

  test("reads no code from the folder it starts in", async () => {
    const cwd = join(folder, "strange")
    await mkdir(cwd)
    await Bun.write(join(cwd, "bunfig.toml"), 'preload = ["./preload.ts"]\n')
    await Bun.write(join(cwd, "preload.ts"), 'console.log("strange")\n')
    const child = Bun.spawn([executable, "--version"], { cwd, env: {}, stdout: "pipe", stderr: "pipe" })
    expect(await child.stdout.text()).toStartWith("spectacles ")
  })
})

describe("an executable without an addon", () => {
  test(
    "says so and runs on the portable codec",
    async () => {
      const plain = join(folder, "plain")
      const { addon } = await buildExecutable(hostTarget(), { outfile: plain, native: false })
      const { out } = await run(["--version"], {}, plain)
      expect([addon, out]).toEqual([undefined, expect.stringContaining("codec: portable (Cannot load the native")])
      expect(out).toContain("this executable was built without it. Use one that was built with it")
    },
    TIMEOUT_MS,
  )

  test.skipIf(!LONG)(
    "is built for every other machine",
    async () => {
      for (const target of TARGETS) {
        const outfile = join(folder, `for-${target.name}`)
        await buildExecutable(target, { outfile, native: true })
        expect(Bun.file(outfile).size + Bun.file(`${outfile}.exe`).size).toBeGreaterThan(50_000_000)
      }
    },
    TIMEOUT_MS * 5,
  )
})

test("a target that there is not is named, with those that there are", () => {
  expect(() => targetNamed("amiga")).toThrow("Cannot build for amiga: the targets are linux-x64, linux-arm64, ")
})
