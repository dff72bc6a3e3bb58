// The simulator against discord.py, in a real Python process.

import { afterEach, describe, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { BotProcess } from "./bot-process.ts"
import { discordPy } from "./discord-py-environment.ts"

const BOT = `${import.meta.dir}/discord-py-bot.py`
const TIMEOUT_MS = 120_000
const MEMBERS = 300

const environment = await discordPy()
if (environment.type === "missing") console.warn(`SKIPPED: interop with discord.py, because ${environment.reason}`)
const python = environment.type === "installed" ? environment.python : ""

let simulator: Simulator | undefined
let bot: BotProcess | undefined

afterEach(async () => {
  bot?.kill()
  await simulator?.stop()
})

describe.skipIf(environment.type === "missing").each(["zlib", "zstd"])("discord.py with %s-stream", (compression) => {
  test(
    "logs in, asks for all members of its guilds, gets events, and resumes after op 7 without losing one",
    async () => {
      const discord = await startSimulator({ guilds: 3, membersPerGuild: MEMBERS })
      simulator = discord
      const running = new BotProcess([python, BOT, `${discord.url}/api`, compression], import.meta.dir)
      bot = running
      const { d } = await running.until(({ saw }) => saw === "ready")
      expect(d).toEqual({
        user: discord.world.bot.username,
        guilds: Object.fromEntries(discord.world.guildIds.map((id) => [id, MEMBERS])),
      })
      const [connect] = discord.record.of("connect")
      expect(connect?.query).toContain(`compress=${compression}-stream`)
      discord.setRate(200)
      await running.until(({ saw }) => saw === "message")
      discord.inject({ type: "reconnect" })
      await running.until(({ saw }) => saw === "resumed")
      const resumedAt = running.sightings.length
      await running.until(({ saw }) => saw === "message", resumedAt)
      discord.setRate(0)
      expect(discord.record.of("identify").map(({ outcome }) => outcome)).toEqual(["ready"])
      expect(discord.record.of("resume").map(({ outcome }) => outcome)).toEqual(["resumed"])
      const numbers = running.sightings.filter(({ saw }) => saw === "event").map(({ s }) => s)
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1))
      expect(running.sightings.filter(({ saw }) => saw === "error")).toEqual([])
      expect(await running.stop()).toBe(0)
    },
    TIMEOUT_MS,
  )
})
