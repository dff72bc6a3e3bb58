// A bot that is restarted with other intents: Discord never changes those of a session.

import { afterEach, expect, test } from "bun:test"
import { MemoryHub } from "../../src/brokers/memory/hub.ts"
import { memorySessionStore } from "../../src/gateway/sessions/memory-store.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { fastClock } from "../fixtures/fast-clock.ts"
import { runGateway } from "../fixtures/running-gateway.ts"

const clock = fastClock(40)
const GUILDS = "1"
const GUILDS_AND_MESSAGES = "513"
let discord: Simulator

afterEach(() => discord.stop())

const identifies = () => discord.record.of("identify").filter(({ outcome }) => outcome === "ready").length
const resumes = () => discord.record.of("resume").filter(({ outcome }) => outcome === "resumed").length

test("an intent that is new begins new sessions once and tells of the gap; one that is gone does not", async () => {
  discord = await startSimulator({ guilds: 1, clock })
  const store = memorySessionStore()
  const hub = new MemoryHub()
  const counts: (readonly [identifies: number, resumes: number])[] = []
  for (const intents of [GUILDS, GUILDS_AND_MESSAGES, GUILDS, GUILDS_AND_MESSAGES]) {
    const running = runGateway({ discord, clock, store, hub, env: { DISCORD_RAW_INTENTS: intents } })
    await running.ready()
    expect(await running.stop()).toEqual({ type: "stopped" })
    counts.push([identifies(), resumes()])
  }
  expect(counts).toEqual([
    [1, 0],
    [2, 0],
    [2, 1],
    [2, 2],
  ])
  expect(hub.entries("GATEWAY_GAP")).toHaveLength(1)
})
