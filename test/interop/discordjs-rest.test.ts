// The simulator's REST API against @discordjs/rest, the REST client of discord.js, in a real Node process.

import { afterEach, expect, test } from "bun:test"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { BotProcess, type Sighting } from "./bot-process.ts"

const BOT = `${import.meta.dir}/discordjs-rest-bot.mjs`
const TIMEOUT_MS = 120_000

let simulator: Simulator
let bot: BotProcess

/** Runs the bot to its end. */
async function run(task: string, options: SimulatorOptions = {}): Promise<readonly Sighting[]> {
  simulator = await startSimulator({ guilds: 3, ...options })
  bot = new BotProcess(["node", BOT, `${simulator.url}/api`, channelId(), task], import.meta.dir)
  await bot.until(({ saw }) => saw === "done" || saw === "failed")
  return bot.sightings
}

function channelId(): string {
  return simulator.world.guild(simulator.world.guildIds[0] ?? "")?.textChannels[0]?.id ?? ""
}

afterEach(async () => {
  bot.kill()
  await simulator.stop()
})

test(
  "@discordjs/rest sends, edits, reacts, reads, uploads, downloads, deletes, and understands errors",
  async () => {
    const sightings = await run("work")
    expect(sightings.map(({ saw, d }) => [saw, d])).toEqual([
      ["message", { content: "edited", reactions: [{ count: 1, me: true }] }],
      ["file", { whole: true, description: "bytes" }],
      ["error", { code: 10008, status: 404, message: "Unknown Message" }],
      [
        "error",
        {
          code: 50035,
          status: 400,
          message: "Invalid Form Body\ncontent[BASE_TYPE_MAX_LENGTH]: Must be 2000 or fewer in length.",
        },
      ],
      ["guilds", [1, 2]],
      ["done", undefined],
    ])
    const requests = simulator.record.of("request")
    expect(new Set(requests.map(({ token }) => token)).size).toBe(1)
    expect(requests.flatMap(({ reason }) => reason ?? [])).toEqual(["a%20gr%C3%BCnd", "done"])
  },
  TIMEOUT_MS,
)

test(
  "@discordjs/rest reads the headers well enough to never see a 429 of a bucket",
  async () => {
    const sightings = await run("burst", {
      limits: { rules: { "POST /channels/:channel/messages": { windowMs: 800 } } },
    })
    expect(sightings.at(-1)?.saw).toBe("done")
    expect(sightings.some(({ saw }) => saw === "limited")).toBe(true)
    expect(sightings.filter(({ saw }) => saw === "refused")).toEqual([])
    expect(simulator.rest.counts()).toMatchObject({
      requests: { "POST /channels/:channel/messages": { 200: 12 } },
      refused: { user: 0, global: 0, shared: 0 },
    })
  },
  TIMEOUT_MS,
)

test(
  "@discordjs/rest backs off as a 429 of a hidden limit says",
  async () => {
    const name = { limit: 2, windowMs: 1_500 }
    const sightings = await run("rename", { limits: { rules: { "PATCH /channels/:channel (name)": name } } })
    expect(sightings.map(({ saw }) => saw)).toContain("refused")
    expect(sightings.at(-1)?.saw).toBe("done")
    expect(simulator.rest.counts()).toMatchObject({
      requests: { "PATCH /channels/:channel": { 200: 3, 429: 1 } },
      refused: { user: 0, global: 0, shared: 1 },
    })
  },
  TIMEOUT_MS,
)

test(
  "@discordjs/rest backs off as a global 429 says",
  async () => {
    const rules = { "*": { limit: 1_000 } }
    const sightings = await run("burst", { limits: { global: { limit: 5, windowMs: 1_000 }, rules } })
    expect(sightings.at(-1)?.saw).toBe("done")
    const { requests, refused } = simulator.rest.counts()
    expect(requests["POST /channels/:channel/messages"]).toMatchObject({ 200: 12 })
    expect(refused.global).toBeGreaterThan(0)
    expect(refused).toMatchObject({ user: 0, shared: 0 })
  },
  TIMEOUT_MS,
)
