// Stopping and starting the gateway: who resumes, who identifies, and that nothing is lost on the way.

import { afterEach, beforeEach, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { MemoryHub } from "../../src/brokers/memory/hub.ts"
import { memorySessionStore } from "../../src/gateway/sessions/memory-store.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { fastClock } from "../fixtures/fast-clock.ts"
import { freePort } from "../fixtures/free-port.ts"
import { type GatewayProcess, startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"
import { missing, runGateway, until } from "../fixtures/running-gateway.ts"

const clock = fastClock(40)
/** By that clock, so forty times as many a second: what a gateway keeps up with that gets little of a busy machine. */
const RATE = 5
/** A busy machine may take long to start a gateway again: Discord gives nothing of its session up meanwhile. */
const PATIENT = { replayEvents: 1_000_000, sessionLifetimeMs: 3_600_000 } as const
let discord: Simulator
const processes: GatewayProcess[] = []
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spectacles-restart-"))
})

afterEach(async () => {
  for (const gateway of processes.splice(0)) await gateway.stop()
  await discord.stop()
  await rm(folder, { recursive: true })
})

/** What a gateway answers at /shards. */
interface Shards {
  readonly shards: readonly { readonly windowBytes: number }[]
}

const identifies = () => discord.record.of("identify").filter(({ outcome }) => outcome === "ready").length
const resumes = () => discord.record.of("resume").filter(({ outcome }) => outcome === "resumed").length

test("#32 a restart with a store that lasts resumes, and no event is lost or out of order", async () => {
  discord = await startSimulator({ ...PATIENT, guilds: 4, rate: RATE, clock, shards: 2, maxConcurrency: 2 })
  const store = memorySessionStore()
  const hub = new MemoryHub()
  for (let restart = 0; restart < 5; restart += 1) {
    const running = runGateway({ discord, clock, store, hub })
    await running.ready()
    const before = hub.entries("MESSAGE_CREATE").length
    await until(() => hub.entries("MESSAGE_CREATE").length > before + 5)
    expect(await running.stop()).toEqual({ type: "stopped" })
  }
  discord.setRate(0)
  const last = runGateway({ discord, clock, store, hub })
  await last.ready()
  await until(() => resumes() >= 10)
  await last.stop()
  expect(identifies()).toBe(2)
  expect(missing(discord, hub)).toEqual([])
})

test("#32 a restart with a store of its own identifies", async () => {
  discord = await startSimulator({ guilds: 1, clock })
  for (const _restart of [1, 2]) {
    const running = runGateway({ discord, clock })
    await running.ready()
    await running.stop()
  }
  expect(identifies()).toBe(2)
  expect(resumes()).toBe(0)
})

test("#21 shards with a session resume, however many others wait for the day's identifies to be renewed", async () => {
  const shards = 40
  // A day's identifies for one start, and the reserve.
  discord = await startSimulator({
    ...{ ...PATIENT, guilds: 1, clock, shards, maxConcurrency: shards, identifiesPerDay: 90 },
  })
  const store = memorySessionStore()
  const first = runGateway({ discord, clock, store })
  await first.ready()
  await first.stop()
  for (let shard = 0; shard < 32; shard += 1) await store.drop(shard)
  const second = runGateway({ discord, clock, store })
  await until(() => resumes() === 8)
  await second.stop()
  expect(identifies()).toBe(shards)
})

test("#16 a session for another shard count is not resumed, and consumers are told of the gap", async () => {
  discord = await startSimulator({ guilds: 2, rate: RATE, clock, maxConcurrency: 2 })
  const store = memorySessionStore()
  const hub = new MemoryHub()
  const one = runGateway({ discord, clock, store, hub })
  await one.ready()
  await until(() => hub.entries("MESSAGE_CREATE").length > 0)
  await one.stop()
  const two = runGateway({ discord, clock, store, hub, env: { DISCORD_SHARD_COUNT: "2" } })
  await two.ready()
  await two.stop()
  expect(resumes()).toBe(0)
  expect(hub.entries("GATEWAY_GAP").length).toBe(1)
  expect(two.log.lines.some(({ message }) => message.startsWith("Cannot resume shard 0"))).toBe(true)
})

test("#7 the number of failed resumes outlives the process", async () => {
  discord = await startSimulator({ ...PATIENT, guilds: 1, rate: RATE, clock })
  const store = memorySessionStore()
  const first = runGateway({ discord, clock, store })
  await first.ready()
  await until(() => first.hub.entries("MESSAGE_CREATE").length > 0)
  await first.stop()
  discord.setRate(0)
  const stored = await store.load(0)
  if (stored === null) throw new Error("no session was stored")
  // All that came is confirmed, so that a failed resume is one without progress.
  await store.save([{ ...stored, resumeFailures: 2, sequence: discord.sessions()[0]?.sequence ?? 0 }])
  discord.inject({ type: "close", code: 4000, on: "resume" })
  const second = runGateway({ discord, clock, store })
  await second.ready()
  await second.stop()
  expect(identifies()).toBe(2)
  expect(second.hub.entries("GATEWAY_GAP").length).toBe(1)
})

test("#32 SIGTERM and another process with the same session folder: a resume, no identify, exit code 0", async () => {
  discord = await startSimulator({ ...PATIENT, token: TOKEN, guilds: 2, rate: 50 })
  const settings = { SHARD_STORE_TYPE: "file", SHARD_STORE_PATH: join(folder, "sessions") }
  for (let restart = 0; restart < 3; restart += 1) {
    const gateway = await startGatewayProcess(discord, settings)
    processes.push(gateway)
    await gateway.output.getReader().read()
    gateway.signal("SIGTERM")
    expect(await gateway.exited).toBe(0)
  }
  expect(identifies()).toBe(1)
  expect(resumes()).toBe(2)
})

test("a second signal ends the process at once", async () => {
  discord = await startSimulator({ token: TOKEN, guilds: 1, rate: 50 })
  // Nobody reads: the shutdown would wait for the confirms that cannot come.
  const port = await freePort()
  const settings = {
    DISCORD_EVENTS: "GUILD_CREATE",
    DISCORD_INTENTS: "GUILDS",
    SHUTDOWN_TIMEOUT: "10m",
    PROMETHEUS_ADDRESS: `127.0.0.1:${port}`,
  }
  const gateway = await startGatewayProcess(discord, settings, "> >(exec sleep 600)")
  processes.push(gateway)
  await discord.record.waitFor("identify")
  discord.inject({ type: "giant-guild", bytes: 3 * 1024 * 1024 })
  const unconfirmedBytes = async () => {
    const { shards } = (await (await fetch(`http://127.0.0.1:${port}/shards`)).json()) as Shards
    return shards[0]?.windowBytes ?? 0
  }
  // More than a pipe holds.
  while ((await unconfirmedBytes()) < 1024 * 1024) await Bun.sleep(10)
  gateway.signal("SIGTERM")
  await discord.record.waitFor("close")
  expect(await Promise.race([gateway.exited, Bun.sleep(200).then(() => "running")])).toBe("running")
  gateway.signal("SIGTERM")
  expect(await gateway.exited).toBe(130)
})
