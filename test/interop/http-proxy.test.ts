// REST clients of others through the proxy's command, unchanged but for their base URL, before a simulated Discord that
// enforces its limits.

import { afterEach, describe, expect, test } from "bun:test"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../fixtures/free-port.ts"
import { answering, startProxyProcess } from "../fixtures/proxy-process.ts"
import { BotProcess, type Sighting } from "./bot-process.ts"
import { discordPy } from "./discord-py-environment.ts"

const TIMEOUT_MS = 120_000
const SEND = "POST /channels/:channel/messages"
const BOTS = 3
const NO_429 = { user: 0, global: 0, shared: 0 }

const environment = await discordPy()
if (environment.type === "missing") console.warn(`SKIPPED: discord.py through the proxy, because ${environment.reason}`)
const python = environment.type === "installed" ? environment.python : ""

const node = ["node", `${import.meta.dir}/discordjs-rest-bot.mjs`]
const py = [python, `${import.meta.dir}/discord-py-rest-bot.py`]

let discord: Simulator
let proxyUrl: string
const running: { stop(): unknown }[] = []

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

async function start(options: SimulatorOptions = {}): Promise<void> {
  discord = await startSimulator({ guilds: 3, ...options })
  running.push(discord)
  const port = await freePort()
  proxyUrl = `http://127.0.0.1:${port}`
  running.push(await startProxyProcess({ PROXY_ADDRESS: `127.0.0.1:${port}`, DISCORD_API_HOST: discord.host }))
  await answering(proxyUrl)
}

/** Runs a bot to its end. */
async function run(command: readonly string[], task: string): Promise<readonly Sighting[]> {
  const channel = discord.world.guild(discord.world.guildIds[0] ?? "")?.textChannels[0]?.id ?? ""
  const bot = new BotProcess([...command, `${proxyUrl}/api`, channel, task], import.meta.dir)
  running.push({ stop: () => bot.kill() })
  await bot.until(({ saw }) => saw === "done" || saw === "failed")
  return bot.sightings
}

/** Several at once, on one token and channel. None knows of the others. */
async function runTogether(command: readonly string[]): Promise<void> {
  await start({ limits: { rules: { [SEND]: { windowMs: 800 } } } })
  const all = await Promise.all(Array.from({ length: BOTS }, () => run(command, "burst")))
  expect(all.map((sightings) => sightings.at(-1)?.saw)).toEqual(Array(BOTS).fill("done"))
  expect(discord.rest.counts()).toMatchObject({ requests: { [SEND]: { 200: BOTS * 12 } }, refused: NO_429 })
}

describe("@discordjs/rest through the proxy", () => {
  test(
    "sends, edits, reacts, reads, uploads, downloads, deletes, and understands errors",
    async () => {
      await start()
      const sightings = await run(node, "work")
      expect(sightings.map(({ saw, d }) => [saw, d])).toMatchObject([
        ["message", { content: "edited", reactions: [{ count: 1, me: true }] }],
        ["file", { whole: true, description: "bytes" }],
        ["error", { code: 10008, status: 404, message: "Unknown Message" }],
        ["error", { code: 50035, status: 400, message: expect.stringContaining("2000 or fewer in length") }],
        ["guilds", [1, 2]],
        ["done", undefined],
      ])
      expect(discord.record.of("request").flatMap(({ reason }) => reason ?? [])).toEqual(["a%20gr%C3%BCnd", "done"])
      expect(discord.rest.counts().refused).toMatchObject(NO_429)
    },
    TIMEOUT_MS,
  )

  test(
    "shares a bucket between processes that ask for more than it holds, and none is refused",
    () => runTogether(node),
    {
      timeout: TIMEOUT_MS,
    },
  )
})

describe.skipIf(environment.type === "missing")("discord.py through the proxy", () => {
  test(
    "sends, edits, reacts, reads, uploads, downloads, deletes, and understands errors",
    async () => {
      await start()
      const sightings = await run(py, "work")
      expect(sightings.map(({ saw, d }) => [saw, d])).toEqual([
        ["message", { content: "edited", embeds: 1, reactions: [[1, true]] }],
        ["file", { whole: true, description: "bytes" }],
        ["history", { contents: ["a file", "edited"] }],
        ["error", { code: 10008, status: 404 }],
        ["error", { code: 50035, text: "Invalid Form Body\nIn content: Must be 2000 or fewer in length." }],
        ["done", {}],
      ])
      expect(discord.rest.counts().refused).toMatchObject(NO_429)
    },
    TIMEOUT_MS,
  )

  test(
    "shares a bucket between processes that ask for more than it holds, and none is refused",
    () => runTogether(py),
    {
      timeout: TIMEOUT_MS,
    },
  )
})
