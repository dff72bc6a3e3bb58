// The simulator against @discordjs/ws, the gateway client of discord.js, in a real Node process.

import { afterEach, describe, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { BotProcess } from "./bot-process.ts"

const BOT = `${import.meta.dir}/discordjs-ws-bot.mjs`
const TIMEOUT_MS = 120_000

let simulator: Simulator
let bot: BotProcess

async function start(compression: string, shards = 1): Promise<void> {
  simulator = await startSimulator({ guilds: 6, shards, maxConcurrency: 16, heartbeatIntervalMs: 300 })
  bot = new BotProcess(["node", BOT, `${simulator.url}/api`, compression], import.meta.dir)
}

afterEach(async () => {
  bot.kill()
  await simulator.stop()
})

describe.each(["none", "zlib-native"])("@discordjs/ws with compression %s", (compression) => {
  test(
    "enters, gets its guilds and events, heartbeats, and resumes after op 7 without losing an event",
    async () => {
      await start(compression)
      await bot.until(({ saw }) => saw === "ready")
      for (const id of simulator.world.guildIds)
        await bot.until(({ t, d }) => t === "GUILD_CREATE" && (d as { id: string }).id === id)
      await bot.until(({ saw }) => saw === "ack")
      simulator.dispatch(0, "MESSAGE_CREATE", { content: "before “op 7” 👍" })
      await bot.until(({ t }) => t === "MESSAGE_CREATE")
      simulator.inject({ type: "reconnect" })
      await simulator.record.waitFor("close", ({ by }) => by === "client")
      simulator.dispatch(0, "MESSAGE_CREATE", { content: "while away" })
      await bot.until(({ saw }) => saw === "resumed")
      await bot.until(({ t, d }) => t === "MESSAGE_CREATE" && (d as { content: string }).content === "while away")
      const numbers = bot.sightings.filter(({ saw }) => saw === "event").map(({ s }) => s)
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1))
      expect(simulator.record.of("identify").map(({ outcome }) => outcome)).toEqual(["ready"])
      expect(simulator.record.of("resume").map(({ outcome }) => outcome)).toEqual(["resumed"])
      expect(bot.sightings.filter(({ saw }) => saw === "error")).toEqual([])
    },
    TIMEOUT_MS,
  )
})

test(
  "@discordjs/ws runs as many shards as recommended, each with its guilds",
  async () => {
    await start("zlib-native", 3)
    for (const shard of [0, 1, 2]) {
      await bot.until((sighting) => sighting.saw === "ready" && sighting.shard === shard)
      for (const id of simulator.world.guildIdsOf(shard, 3))
        await bot.until(
          (sighting) =>
            sighting.shard === shard && sighting.t === "GUILD_CREATE" && (sighting.d as { id: string }).id === id,
        )
    }
  },
  TIMEOUT_MS,
)

test(
  "@discordjs/ws reads messages that are split over frames",
  async () => {
    await start("zlib-native")
    simulator.inject({ type: "split-frames", partBytes: 200, splitMarker: false })
    await bot.until(({ saw }) => saw === "ready")
    simulator.inject({ type: "giant-guild", bytes: 300_000 })
    await bot.until(({ t, d }) => t === "GUILD_CREATE" && JSON.stringify(d).length > 250_000)
  },
  TIMEOUT_MS,
)
