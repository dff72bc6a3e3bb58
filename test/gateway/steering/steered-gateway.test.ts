// A process as an operator sees and steers it, with real sockets to a simulated Discord.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { memorySessionStore } from "../../../src/gateway/sessions/memory-store.ts"
import type { SessionStore } from "../../../src/gateway/sessions/session.ts"
import type { Simulator } from "../../../src/simulator/simulator.ts"
import { startSimulator } from "../../../src/simulator/start.ts"
import { fastClock } from "../../fixtures/fast-clock.ts"
import { type RunningGateway, runGateway, until } from "../../fixtures/running-gateway.ts"

const SPEED = 50

let discord: Simulator
let running: RunningGateway
const clock = fastClock(SPEED)
let store: SessionStore
const startGateway = () => runGateway({ discord, clock, store, env: { DISCORD_SHARD_COUNT: "2" } })

beforeEach(async () => {
  store = memorySessionStore()
  discord = await startSimulator({ clock, shards: 2, maxConcurrency: 2 })
  running = startGateway()
  await running.ready()
})
afterEach(async () => {
  await running.stop()
  await discord.stop()
})

describe("a steered gateway", () => {
  test("reports each shard with its session, and since when it has it", () => {
    const { node, shardCount, draining, shards } = running.gateway.steered.report()
    expect({ node, shardCount, draining }).toEqual({ node: "gateway", shardCount: 2, draining: false })
    expect(shards.map(({ shard, phase, lastDown }) => ({ shard, phase, lastDown }))).toEqual([
      { shard: 0, phase: "live", lastDown: null },
      { shard: 1, phase: "live", lastDown: null },
    ])
    expect(shards.map(({ sessionId }) => sessionId).sort()).toEqual(
      discord
        .sessions()
        .map(({ id }) => id)
        .sort(),
    )
    for (const { sessionStartedMs } of shards) expect(sessionStartedMs).toBeGreaterThan(0)
  })

  test("restarts a shard by a resume, and says when and why it was down", async () => {
    const before = running.gateway.steered.report().shards
    expect(await running.gateway.steered.obey({ type: "restart", shard: 1 })).toEqual({ type: "done" })
    await until(() => running.gateway.steered.report().shards[1]?.phase === "live")
    const after = running.gateway.steered.report().shards
    expect(after[1]?.sessionId).toBe(before[1]?.sessionId ?? "")
    expect(after[1]?.lastDown?.reason).toContain("operator")
    expect(after[0]?.lastDown).toBeNull()
    expect(discord.sessions().length).toBe(2)
  })

  test("refuses to restart a shard that it does not run", async () => {
    const result = await running.gateway.steered.obey({ type: "restart", shard: 7 })
    expect(result).toEqual({ type: "refused", reason: "Cannot restart shard 7: it does not run on gateway." })
  })

  test("refuses what only leases can do, and says which setting would", async () => {
    for (const order of [{ type: "drain" }, { type: "move", shard: 0, to: "other" }] as const) {
      const result = await running.gateway.steered.obey(order)
      expect(result.type === "refused" && result.reason).toContain("shards.ownership")
    }
  })

  test("a session keeps its age over a restart of the process", async () => {
    const before = running.gateway.steered.report().shards.map(({ sessionStartedMs }) => sessionStartedMs)
    await running.stop()
    running = startGateway()
    await running.ready()
    expect(running.gateway.steered.report().shards.map(({ sessionStartedMs }) => sessionStartedMs)).toEqual(before)
  })
})
