// A bot is resharded that publishes to RabbitMQ, and one whose Redis is a cluster.

import { expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { takeMessages } from "../fixtures/amqp-queues.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { startRedisCluster, startRedisServer } from "../fixtures/redis-server.ts"
import { newReshardClient } from "../fixtures/reshard-client.ts"
import { compareEntries, compareResharded, type Entry, guildOf } from "../fixtures/resharded-streams.ts"
import { EVENTS, until } from "../fixtures/running-gateway.ts"

const SHARDS = 2
const LEASE_MS = 1_500
const TIMEOUT_MS = 180_000
const ONCE = { problems: [], missing: [], again: 0, twice: 0 } as const

const startDiscord = () =>
  startSimulator({
    ...{ token: TOKEN, guilds: 24, shards: SHARDS, maxConcurrency: 16, rate: 40, replayEvents: 1_000_000 },
    recordEntries: 10_000_000,
  })

/** Traffic ends, and the broker has all of it. */
async function quiet(discord: Simulator, fleet: FleetUnderTest): Promise<void> {
  discord.setRate(0)
  const living = () => discord.sessions().filter(({ connected }) => connected)
  await until(() => living().length === 2 * SHARDS)
  while (true) {
    const texts = await fleet.redis.keys("*gateway*")
    const stored = new Map<string, number>()
    for (const key of texts.filter((one) => /gateway\}?:\d+$/.test(one))) {
      const { sessionId, sequence } = JSON.parse((await fleet.redis.get(key)) ?? "{}")
      stored.set(sessionId, sequence)
    }
    if (living().every(({ id, sequence }) => (stored.get(id) ?? 0) >= sequence)) return
    await Bun.sleep(50)
  }
}

test(
  "over AMQP every event comes once, in the order of its guild, with its key while guilds change hands",
  async () => {
    const rabbit = await startRabbitmqServer()
    const redis = await startRedisServer()
    const discord = await startDiscord()
    const settings = {
      ...{ BROKER_TYPE: "amqp", AMQP_URL: rabbit.url, BROKER_GROUP: "reshard", DISCORD_SHARD_RESHARD_SKEW: "500ms" },
    }
    const fleet = new FleetUnderTest({ discord, redisUrl: redis.url, shards: SHARDS, leaseMs: LEASE_MS, settings })
    const reshards = newReshardClient(redis.url)
    await fleet.start()
    await fleet.start()
    await fleet.balanced(2)
    await reshards.run(SHARDS, 2 * SHARDS)
    await quiet(discord, fleet)
    const messages = await takeMessages(rabbit.url, "reshard", EVENTS)
    const entries = [...messages].flatMap(([event, all]) =>
      all.map(({ properties, content }): Entry => {
        const key: unknown = properties.headers?.["key"]
        const id = String(properties.messageId)
        return { event, id, key: typeof key === "string" ? key : null, guild: guildOf(event, content) }
      }),
    )
    const { events, ...compared } = compareEntries(discord, entries, EVENTS)
    expect(compared).toEqual(ONCE)
    expect(events).toBeGreaterThan(0)
    expect(entries.some(({ key }) => key !== null)).toBe(true)
    await reshards.close()
    await fleet.stop()
    await Promise.all([discord.stop(), redis.stop(), rabbit.stop()])
  },
  TIMEOUT_MS,
)

test(
  "in a Redis cluster every event comes once, in the order of its guild",
  async () => {
    const servers = await startRedisCluster()
    const urls = servers.map(({ url }) => url)
    const discord = await startDiscord()
    const settings = { DISCORD_SHARD_RESHARD_SKEW: "500ms" }
    const redisUrl = urls.join(",")
    const fleet = new FleetUnderTest({ discord, redisUrl, shards: SHARDS, leaseMs: LEASE_MS, settings })
    const reshards = newReshardClient(...urls)
    await fleet.start()
    await fleet.start()
    await fleet.balanced(2)
    await reshards.run(SHARDS, 2 * SHARDS)
    await quiet(discord, fleet)
    const { events, ...compared } = await compareResharded(discord, urls, EVENTS)
    expect(compared).toEqual(ONCE)
    expect(events).toBeGreaterThan(0)
    await reshards.close()
    await fleet.stop()
    await Promise.all([discord, ...servers].map((one) => one.stop()))
  },
  TIMEOUT_MS,
)
