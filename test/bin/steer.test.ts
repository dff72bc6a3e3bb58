// The commands that see and steer, as processes: one gateway over its admin address, and two that share shards over Redis.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { join } from "node:path"
import type { FleetView } from "../../src/gateway/steering/steering.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../fixtures/free-port.ts"
import { type GatewayProcess, startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"

const COMMAND = join(import.meta.dir, "../../src/bin/spectacles.ts")
const ADMIN_TOKEN = "0123456789abcdef"
const POLL_MS = 100

let discord: Simulator
let env: Record<string, string>
const processes: GatewayProcess[] = []

beforeEach(async () => {
  discord = await startSimulator({ shards: 2, maxConcurrency: 2 })
  env = {
    PATH: process.env["PATH"] ?? "",
    DISCORD_TOKEN: TOKEN,
    DISCORD_EVENTS: "MESSAGE_CREATE",
    DISCORD_INTENTS: "GUILD_MESSAGES",
    DISCORD_SHARD_COUNT: "2",
  }
})
afterEach(async () => {
  for (const gateway of processes.splice(0)) await gateway.stop()
  await discord.stop()
})

async function start(): Promise<GatewayProcess> {
  const { PATH: _, ...settings } = env
  const gateway = await startGatewayProcess(discord, settings)
  processes.push(gateway)
  void gateway.output.pipeTo(new WritableStream())
  return gateway
}

async function spectacles(words: readonly string[], extra: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, COMMAND, ...words], {
    cwd: "/tmp",
    env: { ...env, ...extra },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

async function viewWhen(isSo: (view: FleetView) => boolean): Promise<FleetView> {
  while (true) {
    const { out, code } = await spectacles(["shards", "--json"])
    const view = code === 0 ? (JSON.parse(out) as FleetView) : null
    if (view !== null && isSo(view)) return view
    await Bun.sleep(POLL_MS)
  }
}
const isLive = ({ shards, missing }: FleetView) =>
  missing.length === 0 && shards.length === 2 && shards.every(({ phase }) => phase === "live")

describe("one gateway with an admin address", () => {
  beforeEach(async () => {
    env["ADMIN_ADDRESS"] = `:${await freePort()}`
    env["ADMIN_TOKEN"] = ADMIN_TOKEN
    await start()
  })

  test("shows its shards, restarts one by a resume, and refuses to move any", async () => {
    const [first] = (await viewWhen(isLive)).shards
    const { out: table } = await spectacles(["shards"])
    expect(table).toContain("2 of 2 shards live in one process.")
    expect(await spectacles(["restart", "0"])).toMatchObject({ code: 0, err: "" })
    await discord.record.waitFor("resume", ({ outcome }) => outcome === "resumed")
    const { shards } = await viewWhen((view) => isLive(view) && view.shards[0]?.lastDown !== null)
    expect(shards[0]?.sessionId).toBe(first?.sessionId ?? "")
    expect(shards[0]?.lastDown?.reason).toContain("operator")
    const moved = await spectacles(["move", "0", first?.node ?? ""])
    expect(moved.code).toBe(1)
    expect(moved.err).toContain("shards.ownership")
  }, 60_000)

  test("is reached from elsewhere with its URL and token, without any configuration", async () => {
    await viewWhen(isLive)
    const url = `http://127.0.0.1${env["ADMIN_ADDRESS"]}`
    env = { PATH: env["PATH"] ?? "" }
    const { out } = await spectacles(["shards", "--admin", url], { ADMIN_TOKEN })
    expect(out).toContain("2 of 2 shards live")
    const wrong = await spectacles(["shards", "--admin", url], { ADMIN_TOKEN: "another-token-0123" })
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("ADMIN_TOKEN") })
  }, 60_000)
})

describe("two gateways that share shards", () => {
  let redis: RedisServer
  beforeEach(async () => {
    redis = await startRedisServer()
    Object.assign(env, {
      DISCORD_SHARD_OWNERSHIP: "redis",
      BROKER_TYPE: "redis",
      SHARD_STORE_TYPE: "redis",
      REDIS_URL: redis.url,
      DISCORD_SHARD_LEASE: "3s",
    })
    await Promise.all([start(), start()])
  })
  afterEach(() => redis.stop())

  test("a shard is moved, and a gateway drained, without an identify", async () => {
    const before = await viewWhen((view) => isLive(view) && new Set(view.shards.map(({ node }) => node)).size === 2)
    const [first, second] = before.shards
    const identifies = discord.record.of("identify").length
    expect(await spectacles(["move", "0", second?.node ?? ""])).toMatchObject({ code: 0, err: "" })
    // It stays where it was put, and the other one goes to where there is room.
    const moved = await viewWhen((view) => isLive(view) && view.shards[0]?.node === second?.node)
    expect(moved.shards[0]?.sessionId).toBe(first?.sessionId ?? "")
    expect(await spectacles(["drain", second?.node ?? ""])).toMatchObject({ code: 0, err: "" })
    const drained = await viewWhen((view) => isLive(view) && view.shards.every(({ node }) => node === first?.node))
    expect(drained.nodes.find(({ node }) => node === second?.node)).toMatchObject({ draining: true, shards: 0 })
    expect(drained.shards.map(({ sessionId }) => sessionId)).toEqual(before.shards.map(({ sessionId }) => sessionId))
    expect(discord.record.of("identify").length).toBe(identifies)
    expect(discord.record.of("identify").map(({ outcome }) => outcome)).not.toContain("too-soon")
  }, 120_000)
})

describe("#36 a mistake is one sentence", () => {
  test.each([
    [["move", "three", "x"], "SHARD is a shard's id"],
    [["move", "3"], "it needs SHARD and NODE, and NODE is missing"],
    [["restart", "1", "2"], "one word too many"],
    [["shards"], "set admin.address"],
    [["shards", "--admin", "127.0.0.1:1"], "ADMIN_TOKEN"],
  ] as const)("%j", async (words, sentence) => {
    const { err, code } = await spectacles(words)
    expect(code).toBe(1)
    expect(err).toContain(sentence)
    expect(err.trim().split("\n")).toHaveLength(1)
  })
})
