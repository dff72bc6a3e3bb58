// The command as a process, with two gateways that share a bot's shards over Redis.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { join } from "node:path"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"

const COMMAND = join(import.meta.dir, "../../src/bin/spectacles.ts")
const SHARDS = 2
const TIMEOUT_MS = 60_000

let discord: Simulator
let server: RedisServer
let fleet: FleetUnderTest
let env: Record<string, string>

beforeEach(async () => {
  server = await startRedisServer()
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 8, shards: SHARDS, maxConcurrency: 2, rate: 20, replayEvents: 1_000_000 },
  })
  const settings = { DISCORD_SHARD_COUNT: String(SHARDS), DISCORD_SHARD_RESHARD_SKEW: "300ms" }
  fleet = new FleetUnderTest({ discord, redisUrl: server.url, shards: SHARDS, leaseMs: 1_500, settings })
  env = {
    PATH: process.env["PATH"] ?? "",
    DISCORD_TOKEN: TOKEN,
    DISCORD_API_SCHEME: "http",
    DISCORD_API_HOST: discord.host,
    DISCORD_EVENTS: "MESSAGE_CREATE",
    DISCORD_INTENTS: "GUILD_MESSAGES",
    BROKER_TYPE: "redis",
    SHARD_STORE_TYPE: "redis",
    DISCORD_SHARD_OWNERSHIP: "redis",
    REDIS_URL: server.url,
    ...settings,
  }
}, TIMEOUT_MS)

afterEach(async () => {
  await fleet.stop()
  await discord.stop()
  await server.stop()
})

function start(words: readonly string[], extra: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, COMMAND, "reshard", ...words], {
    ...{ cwd: "/tmp", env: { ...env, ...extra }, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  })
  const ended = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
  return { child, ended: ended.then(([out, err, code]) => ({ out, err, code })) }
}

const run = (words: readonly string[], extra: Record<string, string> = {}) => start(words, extra).ended

describe("reshard", () => {
  test(
    "gives a running bot twice as many shards, and says how it goes",
    async () => {
      await fleet.start()
      await fleet.start()
      await fleet.balanced(2)
      expect((await run(["--status"])).out).toBe("The bot was never resharded.\n")
      expect(await run(["--count", String(SHARDS)])).toMatchObject({
        code: 1,
        err: expect.stringContaining("that is what the bot has"),
      })
      expect(await run(["--undo"])).toMatchObject({ code: 1, err: "Cannot undo a reshard: none runs.\n" })
      const { out, code } = await run(["--count", String(2 * SHARDS)])
      expect(out).toStartWith("From 2 to 4 shards: 4 identifies")
      expect(out).toEndWith("done: the bot has 4 shards.\n")
      expect(code).toBe(0)
      const live = discord.sessions().filter(({ connected }) => connected)
      expect(live.map(({ shardCount }) => shardCount)).toEqual(Array(2 * SHARDS).fill(2 * SHARDS))
      expect(JSON.parse((await run(["--status", "--json"])).out)).toMatchObject({ phase: "done", to: 4, cut: 4 })
    },
    TIMEOUT_MS,
  )

  test(
    "is undone by an order, and left to the gateways by Ctrl-C",
    async () => {
      await fleet.start({ DISCORD_SHARD_RESHARD_SKEW: "1m" })
      await fleet.balanced(1)
      const { child, ended } = start(["--count", "4", "--json"])
      while (JSON.parse((await run(["--status", "--json"])).out)?.phase !== "cutting") await Bun.sleep(50)
      child.kill("SIGINT")
      expect(await ended).toMatchObject({ code: 130, err: expect.stringContaining("The gateways go on with it") })
      expect((await run(["--count", "8"])).err).toContain("Cannot reshard: one runs already, cutting")
      expect((await run(["--undo"])).out).toEndWith(
        "undone (an operator ordered it): the bot has 2 shards, as before.\n",
      )
      const { byNode, free } = await fleet.owned()
      expect([...byNode.values(), free]).toEqual([[0, 1], []])
    },
    TIMEOUT_MS,
  )

  test(
    "says what is lacking",
    async () => {
      expect((await run(["--count", "4"])).err).toContain("no gateway runs that could do it")
      expect((await run(["--count", "many"])).err).toContain("it must be a whole number")
      expect((await run(["--undo", "--status"])).err).toContain("give one of --count, --undo and --status")
      const fixed = await run(["--status"], { DISCORD_SHARD_OWNERSHIP: "config" })
      expect(fixed.err).toContain('shards.ownership is "config"')
    },
    TIMEOUT_MS,
  )
})
