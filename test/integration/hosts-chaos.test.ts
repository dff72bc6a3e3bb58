// Random trouble for gateways on hosts of their own, which takes too long for every run of the tests: a Redis that fails over
// while some of them still reach the old master, and reshards during which hosts are cut off. `bun run chaos`.

import { afterEach, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { AcceptedWrites } from "../fixtures/accepted-writes.ts"
import { aftermath, inOrder } from "../fixtures/aftermath.ts"
import { Chaos, type ChaoticRedis } from "../fixtures/chaos.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type Network, networkMissing, startNetwork } from "../fixtures/network-namespaces.ts"
import { startRedisServer } from "../fixtures/redis-server.ts"
import { newReshardClient } from "../fixtures/reshard-client.ts"
import { compareResharded, type ReshardedStreams } from "../fixtures/resharded-streams.ts"
import { EVENTS } from "../fixtures/running-gateway.ts"
import { SplitRedis } from "../fixtures/split-redis.ts"
import { seeded } from "../gateway/simulation/random.ts"

const SECONDS = Number(process.env["SPECTACLES_CHAOS_SECONDS"] ?? 0)
const SEED = Number(process.env["SPECTACLES_CHAOS_SEED"] ?? 1)
const PROCESSES = 3
const LEASE_MS = 2_000
/** So short that a way to Discord which is cut for long is noticed before it is mended. */
const HEARTBEAT_MS = 5_000
/** Events a second of each shard. */
const RATE = 10
/** For starting, for a reshard that has begun, and for coming to rest. */
const MARGIN_MS = 600_000
const ARRIVE_WITHIN_MS = 60_000
const POLL_MS = 100
/** One way: as between continents, on a bad day. */
const QUALITY = { delayMs: 40, jitterMs: 10, loss: 0.01 }
const MISSING = SECONDS === 0 ? "only in bun run chaos" : networkMissing()
const BECAUSE = MISSING === undefined ? "" : ` (${MISSING})`

let network: Network
let discord: Simulator
let fleet: FleetUnderTest
const others: { stop(): unknown }[] = []

afterEach(async () => {
  if (MISSING !== undefined) return
  await fleet.stop()
  await discord.stop()
  for (const other of others.splice(0).reverse()) await other.stop()
}, MARGIN_MS)

async function start(
  shards: number,
  redisUrl: string,
  lookAt: string,
  settings: Record<string, string>,
): Promise<void> {
  const [hostname] = network.addresses
  discord = await startSimulator({
    ...{ hostname, token: TOKEN, guilds: 96, shards, maxConcurrency: 32, replayEvents: 1_000_000, rate: RATE },
    ...{ recordEntries: 10_000_000, heartbeatIntervalMs: HEARTBEAT_MS },
  })
  fleet = new FleetUnderTest({ discord, redisUrl, lookAt, shards, leaseMs: LEASE_MS, settings })
}

async function startChaos(redis: ChaoticRedis, redisAddresses: readonly string[]): Promise<Chaos> {
  const { newHost, lose } = network
  const across = { newHost, lose, redisAddresses, discordAddress: network.addresses[0] }
  const chaos = new Chaos({ fleet, redis, random: seeded(SEED), leaseMs: LEASE_MS, network: across })
  await fleet.identified()
  for (let i = 0; i < PROCESSES; i += 1) await chaos.start()
  await fleet.balanced(PROCESSES)
  lose()
  return chaos
}

test.skipIf(MISSING !== undefined)(
  `#29 #34 ${SECONDS} s of failovers during which some hosts reach the old master only, seed ${SEED}: nothing lost, nothing torn${BECAUSE}`,
  async () => {
    const shards = 32
    network = startNetwork(QUALITY)
    others.push(network)
    const split = await SplitRedis.start(network)
    others.push(split)
    // Of three servers with a sentinel each: whoever can elect a master reaches one of the two that have what was confirmed.
    await start(shards, split.url, split.url, { REDIS_REPLICAS: "1" })
    const random = seeded(SEED + 1)
    const chaos = await startChaos(
      {
        async restart(_awayMs, { well, others: ill }) {
          const stay = well.slice(0, random.int(well.length))
          await split.split(stay, [...well.slice(stay.length), ...ill], random.between(1, 6) * LEASE_MS)
        },
        hang: (forMs) => split.hang(Math.min(forMs, SENTINELS_WAIT_MS)),
      },
      split.addresses,
    )
    const endMs = Date.now() + SECONDS * 1_000
    while (Date.now() < endMs) {
      await Bun.sleep(random.between(0.2, 1.2) * LEASE_MS)
      if (random.chance(0.4)) await chaos.restartRedis()
      else await chaos.act()
    }
    const { processes, exits } = await chaos.end()
    const story = chaos.story.join(", ")
    await split.settled()
    await fleet.balanced(processes)
    expect([story, await fleet.problems(split.master.url)]).toEqual([story, []])
    expect([story, aftermath(discord, chaos, LEASE_MS)]).toEqual([story, inOrder(shards)])
    expect(exits).toEqual(exits.map(() => 0))
  },
  SECONDS * 1_000 + MARGIN_MS,
)

/** Less than makes a sentinel take it for dead. */
const SENTINELS_WAIT_MS = 300

test.skipIf(MISSING !== undefined)(
  `#34 reshards in ${SECONDS} s, each while hosts are cut off for longer than a lease, seed ${SEED}: nothing lost, nothing under two ids${BECAUSE}`,
  async () => {
    network = startNetwork(QUALITY)
    others.push(network)
    const [, redisAddress] = network.addresses
    const bind = ["--bind", `127.0.0.1 ${redisAddress}`, "--protected-mode", "no"]
    const server = await startRedisServer({ appendOnly: true, settings: bind })
    const accepted = new AcceptedWrites(server)
    others.push(server, accepted)
    await start(8, `redis://${redisAddress}:${server.port}`, server.url, { DISCORD_SHARD_RESHARD_SKEW: "2s" })
    const chaos = await startChaos({ restart: async () => {}, hang: async () => {} }, [redisAddress])
    const reshards = newReshardClient(server.url)
    others.push({ stop: () => reshards.close() })
    const random = seeded(SEED + 1)
    const endMs = Date.now() + SECONDS * 1_000
    let [count, identifies] = [8, 8]
    let isOpenCut = false
    while (Date.now() < endMs) {
      const next = count === 8 ? 16 : random.pick([8, 12, 24].filter((one) => one !== count))
      chaos.story.push(`${count} to ${next}`)
      await reshards.begin(count, next)
      for (const share of [random.next() / 2, 0.5 + random.next() / 2]) {
        const [live, cut] = [random.int(next), Math.floor(share * next)]
        // While the new set comes up, or while guilds change hands.
        const opens = random.chance(0.3)
        const { phase } = await reshards.reached(
          (it) => it.phase === "done" || (opens ? it.live.length >= live : it.cut.length >= cut),
        )
        // Who is cut off between Identify and the first stored session identifies again.
        isOpenCut ||= phase === "opening"
        chaos.cutOffOne()
      }
      await reshards.reached(({ phase }) => phase === "done")
      ;[count, identifies] = [next, identifies + next]
    }
    await chaos.end()
    const story = chaos.story.join(", ")
    const { problems, missing, twice } = await compare(server.url)
    expect([story, { problems, missing, twice }]).toEqual([story, { problems: [], missing: [], twice: 0 }])
    const seen = aftermath(discord, chaos, LEASE_MS)
    const inTheEnd = isOpenCut ? { ...inOrder(identifies), identifies: seen.identifies } : inOrder(identifies)
    expect([story, seen]).toEqual([story, inTheEnd])
    expect([story, accepted.torn(discord)]).toEqual([story, []])
  },
  SECONDS * 1_000 + MARGIN_MS,
)

/** Traffic ends, and everything is published: what is not there after so long is not on its way any more. */
async function compare(url: string): Promise<ReshardedStreams> {
  discord.setRate(0)
  const untilMs = Date.now() + ARRIVE_WITHIN_MS
  while (true) {
    const compared = await compareResharded(discord, url, EVENTS)
    if (compared.missing.length === 0 || Date.now() > untilMs) return compared
    await Bun.sleep(POLL_MS)
  }
}
