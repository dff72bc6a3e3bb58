// Gateways that share a bot's shards by leases in Redis, and publish to RabbitMQ.

import { afterEach, beforeEach, expect, test } from "bun:test"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { messageIds, takeMessages } from "../fixtures/amqp-queues.ts"
import { FleetUnderTest } from "../fixtures/fleet.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { type RedisServer, startRedisServer } from "../fixtures/redis-server.ts"
import { EVENTS, missingAmong, until } from "../fixtures/running-gateway.ts"

const SHARDS = 4
const LEASE_MS = 2_000
const TIMEOUT_MS = 120_000

let rabbit: RabbitmqServer
let redis: RedisServer
let discord: Simulator
let fleet: FleetUnderTest

beforeEach(async () => {
  rabbit = await startRabbitmqServer()
  redis = await startRedisServer()
  discord = await startSimulator({
    ...{ token: TOKEN, guilds: 16, shards: SHARDS, maxConcurrency: SHARDS, rate: 50, replayEvents: 1_000_000 },
  })
  const settings = { BROKER_TYPE: "amqp", AMQP_URL: rabbit.url, BROKER_GROUP: "fleet" }
  fleet = new FleetUnderTest({ discord, redisUrl: redis.url, shards: SHARDS, leaseMs: LEASE_MS, settings })
}, TIMEOUT_MS)

afterEach(async () => {
  await fleet.stop()
  await discord.stop()
  await redis.stop()
  await rabbit.stop()
}, TIMEOUT_MS)

test(
  "#33 #34 over AMQP: shards move by resume, a killed and a paused process's too; nothing is missing",
  async () => {
    await fleet.start()
    const killed = await fleet.start()
    await fleet.balanced(2)
    killed.signal("SIGKILL")
    await fleet.balanced(1)
    const paused = await fleet.start()
    await fleet.balanced(2)
    paused.signal("SIGSTOP")
    await fleet.balanced(1)
    paused.signal("SIGCONT")
    await fleet.balanced(2)
    discord.setRate(0)
    await until(() => discord.sessions().every(({ connected }) => connected))
    await fleet.storedAll()
    const messages = await takeMessages(rabbit.url, "fleet", EVENTS)
    expect(missingAmong(discord, messageIds(messages))).toEqual([])
    expect(discord.record.of("identify").map(({ outcome }) => outcome)).toEqual(Array(SHARDS).fill("ready"))
  },
  TIMEOUT_MS,
)
