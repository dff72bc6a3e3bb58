// A fleet under random trouble: real gateway processes, a real Redis, a simulated Discord at a steady rate; on one host, and
// on a host each. Short here; as long as wanted by `bun run chaos [seconds] [seed]`.

import { afterEach, expect, test } from "bun:test"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { AcceptedWrites } from "../fixtures/accepted-writes.ts"
import { aftermath, inOrder } from "../fixtures/aftermath.ts"
import { Chaos, type ChaoticNetwork, type ChaoticRedis } from "../fixtures/chaos.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { networkMissing, startNetwork } from "../fixtures/network-namespaces.ts"
import { MASTER, startRedisSentinels } from "../fixtures/redis-sentinel.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { seeded } from "../gateway/simulation/random.ts"

const SECONDS = Number(process.env["SPECTACLES_CHAOS_SECONDS"] ?? 20)
/** Across hosts all takes longer. */
const ACROSS_SECONDS = Number(process.env["SPECTACLES_CHAOS_SECONDS"] ?? 15)
const SEED = Number(process.env["SPECTACLES_CHAOS_SEED"] ?? 1)
const SHARDS = 32
const LEASE_MS = 2_000
/** Events a second of each shard. */
const RATE = 10
/** For starting, and for coming to rest. */
const MARGIN_MS = 240_000
const PROCESSES = 3
const POLL_MS = 20
/** One way: as between continents, on a bad day. */
const QUALITY = { delayMs: 40, jitterMs: 10, loss: 0.01 }
/** So short that a way to Discord which is cut for long is noticed before it is mended. */
const HEARTBEAT_MS = 5_000
const MISSING = networkMissing()

let discord: Simulator
let fleet: FleetUnderTest
const servers: { stop(): unknown }[] = []

afterEach(async () => {
  await fleet.stop()
  await discord.stop()
  for (const server of servers.splice(0)) await server.stop()
}, MARGIN_MS)

test(
  `#27 #32 #33 #34 ${SECONDS} s of chaos, seed ${SEED}: nothing lost, no identify too many, no session torn from who serves it`,
  async () => {
    // What it has confirmed it still has after a kill.
    const server = await startRedisServer({ appendOnly: true })
    servers.push(server)
    await start(server.url, server.url)
    const redis: ChaoticRedis = {
      restart: (awayMs) => restart(server, awayMs),
      hang: (forMs) => hang(server, forMs),
    }
    await expectOrder(redis, () => server.url)
  },
  SECONDS * 1_000 + MARGIN_MS,
)

test(
  `#29 #34 ${SECONDS} s of chaos with failovers, seed ${SEED}: the same`,
  async () => {
    let [master, replica] = await startPair()
    const sentinels = await startRedisSentinels(master)
    servers.push(sentinels)
    // A failover loses nothing that a replica had to confirm as well.
    await start(`redis+sentinel://${sentinels.hosts}/${MASTER}`, master.url, { REDIS_REPLICAS: "1" })
    const redis: ChaoticRedis = {
      async restart() {
        await master.kill()
        while ((await sentinels.masterPort()) !== replica.port) await Bun.sleep(POLL_MS)
        ;[master, replica] = [replica, master]
        fleet.lookAt(master.url)
        // The old one comes back as the replica of the new one.
        await replica.up()
        await replicates(master)
      },
      hang: (forMs) => hang(master, Math.min(forMs, SENTINELS_WAIT_MS)),
    }
    await expectOrder(redis, () => master.url)
  },
  SECONDS * 1_000 + MARGIN_MS,
)

test.skipIf(MISSING !== undefined)(
  `#5 #34 ${ACROSS_SECONDS} s of chaos across hosts, which are cut off too, over slow links, seed ${SEED}: the same${MISSING === undefined ? "" : ` (${MISSING})`}`,
  async () => {
    const network = startNetwork(QUALITY)
    try {
      const [hostname, redisAddress] = network.addresses
      const bind = ["--bind", `127.0.0.1 ${redisAddress}`, "--protected-mode", "no"]
      const server = await startRedisServer({ appendOnly: true, settings: bind })
      servers.push(server)
      await start(
        `redis://${redisAddress}:${server.port}`,
        server.url,
        {},
        { hostname, heartbeatIntervalMs: HEARTBEAT_MS },
      )
      const redis = {
        restart: (awayMs: number) => restart(server, awayMs),
        hang: (forMs: number) => hang(server, forMs),
      }
      const accepted = new AcceptedWrites(server)
      servers.push(accepted)
      const across = {
        newHost: network.newHost,
        lose: network.lose,
        redisAddresses: [redisAddress],
        discordAddress: hostname,
      }
      await expectOrder(redis, () => server.url, { seconds: ACROSS_SECONDS, network: across, accepted })
      expect(accepted.writes).toBeGreaterThan(0)
    } finally {
      await fleet.stop()
      await network.stop()
    }
  },
  ACROSS_SECONDS * 1_000 + MARGIN_MS,
)

/** Less than makes a sentinel take it for dead. */
const SENTINELS_WAIT_MS = 300

async function startPair(): Promise<[RedisServer, RedisServer]> {
  const master = await startRedisServer()
  const replica = await startRedisServer({ replicaOf: master })
  servers.push(master, replica)
  await replicates(master)
  return [master, replica]
}

async function replicates(master: RedisServer): Promise<void> {
  while (!(await master.command("INFO", "replication")).includes("state=online")) await Bun.sleep(POLL_MS)
}

async function restart(server: RedisServer, awayMs: number): Promise<void> {
  await server.kill()
  await Bun.sleep(awayMs)
  await server.up()
}

async function hang(server: RedisServer, forMs: number): Promise<void> {
  server.pause()
  await Bun.sleep(forMs)
  server.resume()
}

async function start(
  redisUrl: string,
  lookAt: string,
  settings: Readonly<Record<string, string>> = {},
  across: Pick<SimulatorOptions, "hostname" | "heartbeatIntervalMs"> = {},
): Promise<void> {
  discord = await startSimulator({
    ...across,
    ...{ token: TOKEN, guilds: 64, shards: SHARDS, maxConcurrency: SHARDS, replayEvents: 1_000_000 },
    ...{ rate: RATE, recordEntries: 10_000_000 },
  })
  fleet = new FleetUnderTest({ discord, redisUrl, lookAt, shards: SHARDS, leaseMs: LEASE_MS, settings })
}

interface Across {
  readonly seconds?: number
  readonly network?: ChaoticNetwork
  readonly accepted?: AcceptedWrites
}

async function expectOrder(
  redis: ChaoticRedis,
  url: () => string,
  { seconds = SECONDS, network, accepted }: Across = {},
): Promise<void> {
  const random = seeded(SEED)
  const chaos = new Chaos({ fleet, redis, random, leaseMs: LEASE_MS, ...(network && { network }) })
  await fleet.identified()
  for (let i = 0; i < PROCESSES; i += 1) await chaos.start()
  await fleet.balanced(PROCESSES)
  network?.lose()
  const endMs = Date.now() + seconds * 1_000
  while (Date.now() < endMs) {
    await Bun.sleep(random.between(0.2, 1.2) * LEASE_MS)
    await chaos.act()
  }
  const { processes, exits } = await chaos.end()
  const story = chaos.story.join(", ")
  await fleet.balanced(processes)
  expect([story, await fleet.problems(url())]).toEqual([story, []])
  expect([story, aftermath(discord, chaos, LEASE_MS)]).toEqual([story, inOrder(SHARDS)])
  expect([story, accepted?.torn(discord) ?? []]).toEqual([story, []])
  expect(exits).toEqual(exits.map(() => 0))
}
