// The leases in Redis are lost while one gateway sleeps, and its connections are not: real processes, a real Redis, a
// simulated Discord. Nobody knows of the sleeper any more, and what it had read must not be written when it wakes up.

import { afterEach, expect, test } from "bun:test"
import { slotOf } from "../../src/brokers/redis/slots.ts"
import { permitKey } from "../../src/gateway/fleet/fencing.ts"
import { ledgerKeys } from "../../src/gateway/fleet/redis-ledger.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type RedisServer, startRedisCluster, startRedisServer } from "../fixtures/redis-server.ts"
import { streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS } from "../fixtures/running-gateway.ts"

const SHARDS = 8
const LEASE_MS = 1_500
const RATE = 50
const PILE_UP_MS = 300
const POLL_MS = 20
const TIMEOUT_MS = 120_000
/** Without those to end connections. */
const RIGHTS = ["+@all", "-@dangerous", "-client|kill", "-client|list", "+info"]

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

interface Losing {
  readonly servers: readonly RedisServer[]
  /** As REDIS_URL. */
  readonly redisUrl: string
  readonly lose: () => Promise<unknown>
  /** What whoever is awake says of it. */
  readonly said: RegExp
}

/** One of two gateways sleeps while the leases are lost; it wakes up when the other one runs every shard. */
async function sleepThrough({ servers, redisUrl, lose, said }: Losing): Promise<void> {
  const discord = await startSimulator({
    ...{ token: TOKEN, guilds: 32, shards: SHARDS, maxConcurrency: SHARDS, rate: RATE, replayEvents: 1_000_000 },
  })
  closing.push(() => discord.stop())
  const lookAt = servers.map(({ url }) => url).join(",")
  const fleet = new FleetUnderTest({ discord, redisUrl, lookAt, shards: SHARDS, leaseMs: LEASE_MS })
  closing.push(() => fleet.stop())
  const urls = servers.length === 1 ? lookAt : servers.map(({ url }) => url)
  const awake = await fleet.start()
  const sleeper = await fleet.start()
  await fleet.balanced(2)
  const sessions = latestSessions(discord)
  // Events are piling up in it, and it has more to write as soon as it wakes up.
  for (const server of servers) server.pause()
  await Bun.sleep(PILE_UP_MS)
  sleeper.signal("SIGSTOP")
  for (const server of servers) server.resume()
  await lose()
  // A server of a cluster may have been another one meanwhile.
  fleet.lookAt(lookAt)
  await shared(fleet, discord, 1)
  // Those of the sleeper are lost with all else, so that nobody but it could write what it had read of them.
  const latest = latestSessions(discord)
  const old = [...sessions].filter(([shard, id]) => latest.get(shard) !== id).map(([, id]) => id)
  expect(old.length).toBeGreaterThan(0)
  const [own] = (await fleet.owned()).byNode.keys()
  expect((await mayWrite(servers)).filter((node) => node !== own)).toEqual([])
  const before = await streamIds(urls, EVENTS)
  sleeper.signal("SIGCONT")
  await shared(fleet, discord, 2)
  for (const [event, ids] of await streamIds(urls, EVENTS)) {
    const since = ids.slice(before.get(event)?.length)
    expect(since.filter((id) => old.some((session) => id.startsWith(`${session}:`)))).toEqual([])
  }
  for (const gateway of [awake, sleeper]) {
    gateway.signal("SIGTERM")
    expect(await gateway.exited).toBe(0)
  }
  expect(await awake.errors).toMatch(said)
}

/** The processes that Redis lets write on connections that they have: by their names there, or by permits. */
async function mayWrite(servers: readonly RedisServer[]): Promise<readonly string[]> {
  const found: string[] = []
  for (const server of servers) {
    const names = (await server.command("CLIENT", "LIST")).matchAll(/ name=spectacles:gateway:(\S+) /g)
    const permits = (await server.command("KEYS", permitKey("gateway", "*"))).matchAll(/:writers:(\S+)/g)
    for (const [, node = ""] of [...names, ...permits]) found.push(node)
  }
  return found
}

function latestSessions(discord: Simulator): ReadonlyMap<number, string> {
  return new Map(discord.sessions().map(({ shard, id }) => [shard, id]))
}

/** Resolves once so many processes have all shards between them, and each shard's last session is connected and stored. */
async function shared(fleet: FleetUnderTest, discord: Simulator, processes: number): Promise<void> {
  while (true) {
    await Bun.sleep(POLL_MS)
    const seen = await Promise.all([fleet.owned(), fleet.stored()]).catch(() => null)
    if (seen === null) continue
    const [{ byNode, free }, stored] = seen
    const counts = [...byNode.values()].map((shards) => shards.length)
    const isEven = counts.length === processes && counts.every((count) => count === SHARDS / processes)
    const latest = new Set(latestSessions(discord).values())
    const isConnected = discord.sessions().every(({ id, connected }) => connected || !latest.has(id))
    if (isEven && free.length === 0 && isConnected && !stored.includes(0)) return
  }
}

/** A beat of the sleeper that arrives just after the loss has it fenced like any other. */
const ENDED = /connections of gateways that are not back were ended|a gateway's lease passed: its connections/

test(
  "#34 a process that sleeps through the loss of all data wakes up on its old connections, and writes nothing",
  async () => {
    const server = await startRedisServer()
    closing.push(() => server.stop())
    const lose = () => server.command("FLUSHALL")
    await sleepThrough({ servers: [server], redisUrl: server.url, lose, said: ENDED })
  },
  TIMEOUT_MS,
)

test(
  "#34 without CLIENT KILL a process that sleeps through the loss of the leases and sessions keeps no permit to write",
  async () => {
    const server = await startRedisServer()
    closing.push(() => server.stop())
    await server.command("ACL", "SETUSER", "bot", "on", ">pass", "~*", "&*", ...RIGHTS)
    const { about, nodes, leases, changes } = ledgerKeys("gateway")
    const sessions = Array.from({ length: SHARDS }, (_, shard) => `gateway:${shard}`)
    // As if they were evicted. A permit that is lost too could not be used by anybody.
    const lose = () => server.command("DEL", about, nodes, leases, changes, ...sessions)
    const redisUrl = server.url.replace("redis://", "redis://bot:pass@")
    await sleepThrough({ servers: [server], redisUrl, lose, said: ENDED })
  },
  TIMEOUT_MS,
)

test(
  "#34 in a cluster a process that sleeps while the leases' server comes back empty writes nothing to the others",
  async () => {
    const servers = await startRedisCluster()
    for (const server of servers) closing.push(() => server.stop())
    const slot = slotOf(ledgerKeys("gateway").about)
    const ofLeases = await serverOf(servers, slot)
    const lose = async () => {
      await ofLeases.kill()
      await ofLeases.up()
    }
    await sleepThrough({ servers, redisUrl: servers.map(({ url }) => url).join(","), lose, said: ENDED })
  },
  TIMEOUT_MS,
)

async function serverOf(servers: readonly RedisServer[], slot: number): Promise<RedisServer> {
  for (const server of servers) {
    const own = (await server.command("CLUSTER", "NODES")).split("\n").find((line) => line.includes("myself")) ?? ""
    const [, from, to] = /(\d+)-(\d+)$/.exec(own.trim()) ?? []
    if (slot >= Number(from) && slot <= Number(to)) return server
  }
  throw new Error(`no server has slot ${slot}`)
}
