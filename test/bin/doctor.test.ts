// The command as a whole, against the simulator and real servers.

import { afterEach, beforeEach, expect, test } from "bun:test"
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../fixtures/free-port.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { startRedisCluster, startRedisServer } from "../fixtures/redis-server.ts"

const COMMAND = [process.execPath, join(import.meta.dir, "../../src/bin/spectacles.ts"), "doctor"]

let discord: Simulator
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spectacles-doctor-"))
  discord = await startSimulator({ token: TOKEN })
})
afterEach(async () => {
  await discord.stop()
  await rm(folder, { recursive: true, force: true })
})

async function run(env: Readonly<Record<string, string>>) {
  const child = Bun.spawn(COMMAND, {
    cwd: folder,
    env: {
      DISCORD_TOKEN: TOKEN,
      DISCORD_EVENTS: "MESSAGE_CREATE",
      DISCORD_INTENTS: "GUILD_MESSAGES,MESSAGE_CONTENT",
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: discord.host,
      SHARD_STORE_TYPE: "file",
      SHARD_STORE_PATH: "sessions",
      ...env,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  expect([complaint, out.includes(TOKEN)]).toEqual(["", false])
  return { code, out }
}

test("tells how a process that dies is kept from writing, by what Redis lets this user do", async () => {
  const redis = await startRedisServer()
  try {
    const shared = { BROKER_TYPE: "redis", SHARD_STORE_TYPE: "redis", DISCORD_SHARD_OWNERSHIP: "redis" }
    const able = await run({ ...shared, REDIS_URL: redis.url })
    expect(able.out).toContain("ok    fence          a process that dies has its connections to Redis ended\n")
    await redis.command("ACL", "SETUSER", "weak", "on", ">pass", "~*", "&*", "+@all", "-client|kill")
    const weak = await run({ ...shared, REDIS_URL: redis.url.replace("redis://", "redis://weak:pass@") })
    expect(weak.out).toMatch(/ok {4}fence {10}a process that dies loses its permit to write to Redis: .*KILL.*NOPERM/)
  } finally {
    await redis.stop()
  }
})

test("fails where a cluster would leave a dead process its connections", async () => {
  const servers = await startRedisCluster()
  try {
    for (const server of servers) {
      await server.command("ACL", "SETUSER", "weak", "on", ">pass", "~*", "&*", "+@all", "-client|kill")
    }
    const urls = servers.map(({ url }) => url.replace("redis://", "redis://weak:pass@"))
    const { out } = await run({
      ...{ BROKER_TYPE: "redis", SHARD_STORE_TYPE: "redis", DISCORD_SHARD_OWNERSHIP: "redis" },
      REDIS_URL: urls.join(","),
    })
    expect(out).toMatch(
      /FAIL {2}fence {10}Cannot share shards through a Redis cluster: .*NOPERM.*takes a single server/,
    )
  } finally {
    for (const server of servers) await server.stop()
  }
})

test("passes a gateway that is well, and starts no session", async () => {
  const redis = await startRedisServer()
  try {
    const { code, out } = await run({ BROKER_TYPE: "redis", REDIS_URL: redis.url, SHARD_STORE_TYPE: "redis" })
    expect([code, out]).toEqual([0, expect.not.stringContaining("FAIL")])
    expect(out).toContain(`ok    broker         Redis answers at ${redis.url}\n`)
    expect(out).toContain("ok    intents        MESSAGE_CONTENT: granted\n")
    expect(out).toMatch(/ok {4}token {10}of the bot /)
    expect([discord.record.of("connect"), await redis.command("DBSIZE")]).toEqual([[], "0"])
  } finally {
    await redis.stop()
  }
})

test("#36 says what to do about a token that is refused, and exits with 1", async () => {
  const { code, out } = await run({ DISCORD_TOKEN: TOKEN.replace("not", "nor") })
  expect([code, out]).toEqual([
    1,
    expect.stringMatching(/FAIL {2}token {10}Discord refuses it \(401\)\n +→ Reset it at /),
  ])
  expect(out).toEndWith("One check failed.\n")
})

test("#36 says which broker is not there", async () => {
  const { code, out } = await run({ BROKER_TYPE: "amqp", AMQP_URL: `amqp://me:secret@127.0.0.1:${await freePort()}` })
  expect([code, out]).toEqual([
    1,
    expect.stringMatching(/FAIL {2}broker {9}Cannot connect to RabbitMQ at .*\n +→ Start /),
  ])
  expect(out).not.toContain("secret")
})

test("warns of sessions that do not outlive the process, which is no failure", async () => {
  const { code, out } = await run({ SHARD_STORE_TYPE: "memory" })
  expect([code, out]).toEqual([0, expect.stringMatching(/warn {2}session store {2}memory: every restart identifies/)])
})

test.skipIf(process.getuid?.() === 0)("fails for a folder that cannot be written to", async () => {
  await mkdir(join(folder, "sessions"))
  await chmod(join(folder, "sessions"), 0o500)
  expect(await run({})).toMatchObject({ code: 1, out: expect.stringContaining("nothing can be written to") })
})

test("#36 shows every problem of the configuration, and asks nobody then", async () => {
  const { code, out } = await run({ DISCORD_INTENTS: "GUILDZ", DISCORD_SHARD_COUNT: "many" })
  expect(code).toBe(1)
  expect(out.match(/^FAIL {2}configuration/gm)).toHaveLength(2)
  expect(discord.record.of("request")).toEqual([])
})
