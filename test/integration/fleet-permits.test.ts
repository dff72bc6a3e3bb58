// Gateways that share a bot's shards through a Redis on which no connection may be ended: real processes, and a user whose
// rights say so.

import { afterEach, beforeEach, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { repeatedSince, streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS, outcomes, until } from "../fixtures/running-gateway.ts"

const SHARDS = 8
const LEASE_MS = 1_500
const RATE = 50
const PILE_UP_MS = 300
const TIMEOUT_MS = 120_000
/** What docs/scaling.md says that it takes, and nothing else of what Redis calls dangerous. */
const RIGHTS = ["+@all", "-@dangerous", "-client|kill", "-client|list", "+info"]

let discord: Simulator
let server: RedisServer
let fleet: FleetUnderTest

beforeEach(async () => {
  server = await startRedisServer()
  await server.command("ACL", "SETUSER", "bot", "on", ">pass", "~*", "&*", ...RIGHTS)
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 32, shards: SHARDS, maxConcurrency: SHARDS, rate: RATE, replayEvents: 1_000_000 },
  })
  const redisUrl = server.url.replace("redis://", "redis://bot:pass@")
  fleet = new FleetUnderTest({ discord, redisUrl, lookAt: server.url, shards: SHARDS, leaseMs: LEASE_MS })
})

afterEach(async () => {
  await fleet.stop()
  await discord.stop()
  await server.stop()
})

test(
  "#34 without CLIENT KILL a process that was paused past its lease wakes up and changes nothing all the same",
  async () => {
    await fleet.start()
    const paused = await fleet.start()
    await fleet.balanced(2)
    const resumes = outcomes(discord, "resume", "resumed")
    // Events are piling up in it, and it has more to write as soon as it wakes up.
    server.pause()
    await Bun.sleep(PILE_UP_MS)
    paused.signal("SIGSTOP")
    server.resume()
    await fleet.balanced(1)
    await until(() => outcomes(discord, "resume", "resumed") === resumes + SHARDS / 2)
    // What was confirmed and not yet stored is replayed, and stands there twice rightly.
    discord.setRate(0)
    await fleet.storedAll()
    const before = await streamIds(server.url, EVENTS)
    discord.setRate(RATE)
    paused.signal("SIGCONT")
    await fleet.balanced(2)
    expect(await fleet.problems(server.url)).toEqual([])
    // What it had read and not written when it was paused would stand there twice.
    expect(await repeatedSince(server.url, before)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
    expect(outcomes(discord, "resume", "resumed")).toBe(resumes + SHARDS)
    paused.signal("SIGTERM")
    expect(await paused.exited).toBe(0)
    expect(await paused.errors).toContain("lose their permits")
  },
  TIMEOUT_MS,
)

test(
  "#33 without CLIENT KILL a killed process's shards are taken over once its lease has passed",
  async () => {
    await fleet.start()
    const killed = await fleet.start()
    await fleet.balanced(2)
    killed.signal("SIGKILL")
    await killed.exited
    await fleet.balanced(1)
    expect(await fleet.problems(server.url)).toEqual([])
    expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
  },
  TIMEOUT_MS,
)
