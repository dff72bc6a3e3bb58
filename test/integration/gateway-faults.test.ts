// The gateway against a misbehaving Discord, over real sockets: it comes back, by resume, with every event in order.

import { afterEach, describe, expect, test } from "bun:test"
import { systemClock } from "../../src/flow/clock.ts"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { fastClock } from "../fixtures/fast-clock.ts"
import { missing, type RunningGateway, runGateway, until } from "../fixtures/running-gateway.ts"

const SPEED = 40
/** By the fast clock: what a gateway keeps up with that gets little of a busy machine. */
const TRAFFIC_PER_S = 5
const GUILDS = 4

let discord: Simulator
let running: RunningGateway
const clock = fastClock(SPEED)

async function start(options: SimulatorOptions = {}, env: Readonly<Record<string, string>> = {}): Promise<void> {
  discord = await startSimulator({
    guilds: GUILDS,
    rate: TRAFFIC_PER_S,
    clock,
    heartbeatIntervalMs: 15_000,
    // A busy machine may take long to come back: Discord gives nothing of the session up meanwhile.
    ...{ replayEvents: 1_000_000, sessionLifetimeMs: 3_600_000 },
    ...options,
  })
  running = runGateway({ discord, clock: options.clock ?? clock, env })
}

const identifies = () => discord.record.of("identify").length
const resumed = () => discord.record.of("resume").filter(({ outcome }) => outcome === "resumed").length

/** Traffic ends, everything arrives, and nothing is missing. */
async function expectNothingLost(): Promise<void> {
  discord.setRate(0)
  await running.ready()
  await until(() => discord.sessions().every(({ live, shard, sequence }) => !live || sequenceOf(shard) === sequence))
  await running.stop()
  expect(running.hub.entries("GUILD_CREATE").length).toBeGreaterThan(0)
  expect(missing(discord, running.hub)).toEqual([])
}

function sequenceOf(shard: number): number | undefined {
  return running.gateway.reading === null
    ? undefined
    : (
        running.gateway.shards as { readonly shards: readonly { readonly id: number; readonly sequence: number }[] }
      ).shards.find(({ id }) => id === shard)?.sequence
}

afterEach(async () => {
  await running.stop()
  await discord.stop()
})

describe.each(["zstd", "zlib", "none"])("over %s", (compression) => {
  const env = { DISCORD_COMPRESSION: compression }

  test("#10 op 7 without a close after it resumes at once", async () => {
    await start({}, env)
    await running.ready()
    discord.inject({ type: "reconnect" })
    await until(() => resumed() >= 1)
    await expectNothingLost()
    expect(identifies()).toBe(1)
  })

  test("#12 #20 garbage costs a reconnect and no event", async () => {
    await start({}, env)
    await running.ready()
    const corruptions =
      compression === "none"
        ? (["utf8", "json", "reserved-bits"] as const)
        : (["compression", "utf8", "json", "reserved-bits"] as const)
    for (const [index, how] of corruptions.entries()) {
      discord.inject({ type: "corrupt", how })
      await until(() => resumed() >= index + 1)
      await running.ready()
    }
    await expectNothingLost()
    expect(identifies()).toBe(1)
  })

  test("#18 a 3 MB GUILD_CREATE arrives whole", async () => {
    await start({ rate: 0 }, env)
    await running.ready()
    discord.inject({ type: "giant-guild", bytes: 3 * 1024 * 1024 })
    await until(() => running.hub.entries("GUILD_CREATE").some(({ body }) => body.length > 2 * 1024 * 1024))
    await expectNothingLost()
  })

  test("#19 messages split over frames arrive whole", async () => {
    await start({ rate: 0 }, env)
    discord.inject({ type: "split-frames", partBytes: 7 })
    await running.ready()
    discord.setRate(TRAFFIC_PER_S)
    await until(() => running.hub.entries("MESSAGE_CREATE").length > 5)
    await expectNothingLost()
    expect(discord.record.of("connect").length).toBe(1)
  })
})

describe("a connection that goes wrong", () => {
  test("#1 a half-open connection is noticed, dropped and resumed", async () => {
    await start({ heartbeatIntervalMs: 5_000 })
    await running.ready()
    discord.inject({ type: "half-open" })
    await until(() => resumed() >= 1)
    await expectNothingLost()
    expect(identifies()).toBe(1)
  })

  test("#2 a connection cut without a word is resumed", async () => {
    await start()
    await running.ready()
    discord.inject({ type: "drop" })
    await until(() => resumed() >= 1)
    await expectNothingLost()
  })

  test.each(["dial", "hello", "identify"] as const)(
    "#4 silence instead of an answer at %s is waited out and tried again",
    async (on) => {
      await start({ rate: 0 })
      await running.stop()
      discord.inject({ type: "silence", on })
      running = runGateway({ discord, clock })
      await running.ready()
      await expectNothingLost()
    },
  )

  test("#5 while nothing can be reached it keeps trying, and comes back by resume", async () => {
    await start()
    await running.ready()
    const { id } = discord.inject({ type: "refuse-connections" })
    discord.inject({ type: "drop" })
    await until(
      () => (running.log.lines.filter(({ message }) => message.includes("connecting again")).length ?? 0) >= 4,
    )
    discord.cancel(id ?? -1)
    await until(() => resumed() >= 1)
    await expectNothingLost()
    expect(identifies()).toBe(1)
  })

  test("#6 a dead resume host: the gateway's own url resumes", async () => {
    await start({ rate: 0 })
    await running.stop()
    discord.inject({ type: "dead-resume-host" })
    running = runGateway({ discord, clock })
    await running.ready()
    discord.setRate(TRAFFIC_PER_S)
    discord.inject({ type: "drop" })
    await until(() => resumed() >= 1)
    await expectNothingLost()
  })

  test("#7 resumes that keep failing end in one identify, and consumers are told of the gap", async () => {
    await start({ rate: 0 })
    await running.ready()
    discord.inject({ type: "close", code: 4000, on: "resume", times: 3 })
    discord.inject({ type: "drop" })
    await until(() => identifies() >= 2)
    await running.ready()
    await until(() => running.hub.entries("GATEWAY_GAP").length === 1)
    expect(resumed()).toBe(0)
  })

  test("#8 every connection carries the whole query", async () => {
    await start({}, { DISCORD_COMPRESSION: "zlib" })
    await running.ready()
    discord.inject({ type: "drop" })
    await until(() => resumed() >= 1)
    for (const entry of discord.record.of("connect")) {
      const query = new URLSearchParams(entry.query)
      expect([query.get("v"), query.get("encoding"), query.get("compress")]).toEqual(["10", "json", "zlib-stream"])
    }
  })

  test("#9 stopping closes with a code that keeps the session", async () => {
    await start()
    await running.ready()
    await running.stop()
    await until(() => discord.record.of("close").length > 0)
    const closes = discord.record.of("close").map(({ code }) => code)
    expect(closes).toEqual([4900])
    expect(discord.sessions().map(({ live }) => live)).toEqual([true])
  })

  test("#10 op 7 before Hello is obeyed", async () => {
    await start({ rate: 0 })
    await running.stop()
    discord.inject({ type: "reconnect", on: "hello" })
    running = runGateway({ discord, clock })
    await running.ready()
  })

  test("#11 op 9 true resumes, op 9 false identifies and tells of the gap", async () => {
    await start()
    await running.ready()
    discord.inject({ type: "invalid-session", resumable: true })
    await until(() => resumed() >= 1)
    await running.ready()
    expect(identifies()).toBe(1)
    discord.inject({ type: "invalid-session", resumable: false })
    await until(() => identifies() >= 2)
    await running.ready()
    await until(() => running.hub.entries("GATEWAY_GAP").length === 1)
  })

  test("#25 a flood of GUILD_CREATE that delays ACKs is not taken for a dead connection", async () => {
    await start({ rate: 0 })
    await running.ready()
    const guilds = 200
    discord.inject({ type: "guild-flood", guilds, durationMs: 60_000 })
    await until(() => running.hub.entries("GUILD_CREATE").length === GUILDS + guilds)
    await expectNothingLost()
    expect(discord.record.of("connect").length).toBe(1)
  })

  test("an op 1 is answered at once", async () => {
    await start({ rate: 0 })
    await running.ready()
    const before = discord.record.of("heartbeat").length
    discord.inject({ type: "request-heartbeat" })
    await until(() => discord.record.of("heartbeat").length > before)
  })
})

describe("identify limits", () => {
  test("#22 two gateways without a common queue both get their session, by the wait that op 9 asks for", async () => {
    await start({ rate: 0, shards: 2 }, { DISCORD_SHARD_COUNT: "2", DISCORD_SHARD_IDS: "0" })
    const other = runGateway({ discord, clock, env: { DISCORD_SHARD_COUNT: "2", DISCORD_SHARD_IDS: "1" } })
    await Promise.all([running.ready(), other.ready()])
    expect(
      discord
        .sessions()
        .filter(({ live }) => live)
        .map(({ shard }) => shard)
        .sort(),
    ).toEqual([0, 1])
    await other.stop()
  })

  test("the shards of one gateway never identify too soon", async () => {
    // Sped up, the quarter of a second that the network may take would be too short for a loaded machine.
    await start({ rate: 0, shards: 4, maxConcurrency: 2, clock: systemClock })
    await running.ready()
    expect(discord.record.of("identify").map(({ outcome }) => outcome)).toEqual(["ready", "ready", "ready", "ready"])
  })
})
