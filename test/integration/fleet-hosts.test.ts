// Gateways on hosts of their own, as far as one machine can: a network namespace each, with links that are slow, lose packets,
// and are cut.

import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type Host, type Network, networkMissing, startNetwork } from "../fixtures/network-namespaces.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"

const SHARDS = 9
const HOSTS = 3
const LEASE_MS = 2_000
const TIMEOUT_MS = 180_000
/** One way: as between continents, on a bad day. */
const QUALITY = { delayMs: 40, jitterMs: 10, loss: 0.01 }
const MISSING = networkMissing()

let network: Network
let server: RedisServer
let discord: Simulator
let fleet: FleetUnderTest
const hosts: Host[] = []

beforeAll(async () => {
  if (MISSING !== undefined) return
  network = startNetwork(QUALITY)
  const [discordAddress, redisAddress] = network.addresses
  const bind = ["--bind", `127.0.0.1 ${redisAddress}`, "--protected-mode", "no"]
  server = await startRedisServer({ settings: bind })
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 36, shards: SHARDS, maxConcurrency: SHARDS, rate: 20, replayEvents: 1_000_000 },
    hostname: discordAddress,
  })
  const redisUrl = `redis://${redisAddress}:${server.port}`
  fleet = new FleetUnderTest({ discord, redisUrl, lookAt: server.url, shards: SHARDS, leaseMs: LEASE_MS })
}, TIMEOUT_MS)

afterAll(async () => {
  if (MISSING !== undefined) return
  await fleet.stop()
  await discord.stop()
  await server.stop()
  await network.stop()
}, TIMEOUT_MS)

const torn = () => discord.record.of("close").filter(({ reason }) => reason === "The session was resumed elsewhere.")

test.skipIf(MISSING !== undefined)(
  `#5 #34 over slow links that lose packets, a host is cut off from all, and one from Redis alone: nothing is lost, nothing torn${MISSING === undefined ? "" : ` (${MISSING})`}`,
  async () => {
    const [, redisAddress] = network.addresses
    await fleet.identified()
    for (let i = 0; i < HOSTS; i += 1) {
      const host = await network.newHost()
      hosts.push(host)
      await fleet.start({}, host.within)
    }
    const [first, second] = hosts
    if (first === undefined || second === undefined) throw new Error("there are no hosts")
    await fleet.balanced(HOSTS)
    network.lose()
    // It reaches Discord, closes its sessions in time, and others resume them.
    first.cutFrom(redisAddress)
    await fleet.balanced(HOSTS - 1)
    expect(torn()).toEqual([])
    first.mendTo(redisAddress)
    await fleet.balanced(HOSTS)
    expect(torn()).toEqual([])
    // Nobody hears that it closes: Discord ends the connections itself.
    second.cut()
    await fleet.balanced(HOSTS - 1)
    second.mend()
    await fleet.balanced(HOSTS)
    expect(await fleet.problems(server.url)).toEqual([])
    expect(discord.record.of("identify").map(({ outcome }) => outcome)).toEqual(Array(SHARDS).fill("ready"))
    const isOther = ({ outcome }: { readonly outcome: string }) => outcome !== "resumed"
    expect(discord.record.of("resume").filter(isOther)).toEqual([])
  },
  TIMEOUT_MS,
)
