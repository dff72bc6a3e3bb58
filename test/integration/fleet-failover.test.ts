// Gateways that share a bot's shards, on a Redis that fails over, and on a cluster.

import { afterEach, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { MASTER, startRedisSentinels } from "../fixtures/redis-sentinel.ts"
import { killCaughtUp, startRedisCluster, startRedisServer } from "../fixtures/redis-server.ts"

const SHARDS = 8
const LEASE_MS = 2_000
const TIMEOUT_MS = 120_000

let discord: Simulator
let fleet: FleetUnderTest
const others: { stop(): unknown }[] = []

afterEach(async () => {
  await fleet.stop()
  await discord.stop()
  for (const other of others.splice(0)) await other.stop()
}, TIMEOUT_MS)

async function start(redisUrl: string, lookAt: string): Promise<void> {
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 32, shards: SHARDS, maxConcurrency: SHARDS, rate: 30, replayEvents: 1_000_000 },
  })
  fleet = new FleetUnderTest({ discord, redisUrl, lookAt, shards: SHARDS, leaseMs: LEASE_MS })
}

async function expectEverything(url: string | readonly string[]): Promise<void> {
  expect(await fleet.problems(url)).toEqual([])
  expect(discord.record.of("identify").map(({ outcome }) => outcome)).toEqual(Array(SHARDS).fill("ready"))
  const isOther = ({ outcome }: { readonly outcome: string }) => outcome !== "resumed"
  expect(discord.record.of("resume").filter(isOther)).toEqual([])
}

test(
  "#29 #34 a failover while a process is paused: its shards go to others, and nothing is missing",
  async () => {
    const master = await startRedisServer()
    const replica = await startRedisServer({ replicaOf: master })
    while (!(await master.command("INFO", "replication")).includes("state=online")) await Bun.sleep(10)
    const sentinels = await startRedisSentinels(master)
    others.push(sentinels, master, replica)
    await start(`redis+sentinel://${sentinels.hosts}/${MASTER}`, master.url)
    await fleet.start()
    const paused = await fleet.start()
    await fleet.balanced(2)
    paused.signal("SIGSTOP")
    await killCaughtUp(master, replica)
    while ((await sentinels.masterPort()) !== replica.port) await Bun.sleep(20)
    fleet.lookAt(replica.url)
    await fleet.balanced(1)
    paused.signal("SIGCONT")
    await fleet.balanced(2)
    await expectEverything(replica.url)
  },
  TIMEOUT_MS,
)

test(
  "#34 on a cluster a paused process's connections are ended on every server before others take its shards",
  async () => {
    const servers = await startRedisCluster()
    others.push(...servers)
    const urls = servers.map(({ url }) => url)
    await start(urls.join(","), urls.join(","))
    await fleet.start()
    const paused = await fleet.start()
    await fleet.balanced(2)
    paused.signal("SIGSTOP")
    await fleet.balanced(1)
    for (const server of servers) {
      const names = (await server.command("CLIENT", "LIST")).match(/name=spectacles:gateway:\S+/g) ?? []
      expect(new Set(names).size).toBeLessThanOrEqual(1)
    }
    paused.signal("SIGCONT")
    await fleet.balanced(2)
    await expectEverything(urls)
  },
  TIMEOUT_MS,
)
