// The simulator's REST API against discord.py, in a real Python process.

import { afterEach, describe, expect, test } from "bun:test"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { BotProcess } from "./bot-process.ts"
import { discordPy } from "./discord-py-environment.ts"

const BOT = `${import.meta.dir}/discord-py-rest-bot.py`
const TIMEOUT_MS = 120_000
const SEND = "POST /channels/:channel/messages"

const environment = await discordPy()
if (environment.type === "missing") console.warn(`SKIPPED: interop with discord.py, because ${environment.reason}`)
const python = environment.type === "installed" ? environment.python : ""

let simulator: Simulator | undefined
let bot: BotProcess | undefined

afterEach(async () => {
  bot?.kill()
  await simulator?.stop()
})

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  simulator = await startSimulator({ guilds: 2, ...options })
  return simulator
}

/** Runs the bot to its end. */
async function run(discord: Simulator, task: string): Promise<readonly (readonly [string, unknown])[]> {
  const channel = discord.world.guild(discord.world.guildIds[0] ?? "")?.textChannels[0]?.id ?? ""
  const running = new BotProcess([python, BOT, `${discord.url}/api`, channel, task], import.meta.dir)
  bot = running
  await running.until(({ saw }) => saw === "done")
  return running.sightings.map(({ saw, d }) => [saw, d] as const)
}

describe.skipIf(environment.type === "missing")("discord.py", () => {
  test(
    "sends, edits, reacts, reads, uploads, downloads, deletes, and understands errors",
    async () => {
      expect(await run(await start(), "work")).toEqual([
        ["message", { content: "edited", embeds: 1, reactions: [[1, true]] }],
        ["file", { whole: true, description: "bytes" }],
        ["history", { contents: ["a file", "edited"] }],
        ["error", { code: 10008, status: 404 }],
        ["error", { code: 50035, text: "Invalid Form Body\nIn content: Must be 2000 or fewer in length." }],
        ["done", {}],
      ])
    },
    TIMEOUT_MS,
  )

  test(
    "reads the headers well enough to never see a 429 of a bucket",
    async () => {
      const discord = await start({ limits: { rules: { [SEND]: { windowMs: 800 } } } })
      expect((await run(discord, "burst")).filter(([, d]) => JSON.stringify(d).includes("429"))).toEqual([])
      expect(discord.rest.counts()).toMatchObject({
        requests: { [SEND]: { 200: 12 } },
        refused: { user: 0, global: 0 },
      })
    },
    TIMEOUT_MS,
  )

  test(
    "backs off as a global 429 says",
    async () => {
      const rules = { "*": { limit: 1_000 } }
      const discord = await start({ limits: { global: { limit: 8, windowMs: 1_000 }, rules } })
      const sightings = await run(discord, "burst")
      expect(sightings.at(-1)?.[0]).toBe("done")
      const { requests, refused } = discord.rest.counts()
      expect(requests[SEND]).toMatchObject({ 200: 12 })
      expect(refused.global).toBeGreaterThan(0)
      expect(refused).toMatchObject({ user: 0, shared: 0 })
    },
    TIMEOUT_MS,
  )

  test(
    "backs off as a shared 429 says",
    async () => {
      const discord = await start()
      discord.inject({ type: "shared-limit", route: SEND, durationMs: 3_000 })
      const sightings = await run(discord, "refused")
      expect(sightings.map(([saw]) => saw)).toEqual(["log", "done"])
      expect(sightings[0]?.[1]).toMatchObject({ level: "WARNING", message: expect.stringContaining("rate limited") })
      expect(discord.rest.counts()).toMatchObject({ requests: { [SEND]: { 200: 1, 429: 1 } }, refused: { shared: 1 } })
    },
    TIMEOUT_MS,
  )
})
