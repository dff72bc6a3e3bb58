// Two gateways with different shards of one bot on one broker: each packet reaches the process that owns its shard, once;
// sessions keep apart; every event arrives.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis as Client } from "ioredis"
import { Amqp, type Broker, Redis } from "../../src/client/brokers.ts"
import { type GatewayBroker, GatewayClient } from "../../src/client/gateway-client.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { messageIds, takeMessages } from "../fixtures/amqp-queues.ts"
import { type GatewayProcess, startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"
import { startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { startRedisServer } from "../fixtures/redis-server.ts"
import { streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS, missingAmong, outcomes, until } from "../fixtures/running-gateway.ts"

const TIMEOUT_MS = 120_000
const SHARDS = 4
/** Of each kind, for every shard: well below Discord's 120 a minute. */
const PACKETS = 10

/** A server, what connects to it as a command handler does, and where each process keeps sessions. */
interface Setup {
  readonly settings: Readonly<Record<string, string>>
  readonly broker: Broker & GatewayBroker
  ids(): Promise<ReadonlyMap<string, readonly string[]>>
  /** What is stored for each shard. */
  stored(): Promise<readonly { readonly shard: number; readonly sessionId: string; readonly sequence: number }[]>
  stop(): Promise<void>
}

const shardIds = Array.from({ length: SHARDS }, (_, shard) => shard)

async function redisSetup(): Promise<Setup> {
  const server = await startRedisServer()
  const client = new Client(server.url)
  const broker = new Redis("handlers", client)
  return {
    settings: { BROKER_TYPE: "redis", REDIS_URL: server.url, SHARD_STORE_TYPE: "redis" },
    broker,
    ids: () => streamIds(server.url, EVENTS),
    async stored() {
      const texts = await client.mget(shardIds.map((shard) => `gateway:${shard}`))
      return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text)]))
    },
    async stop() {
      await broker.close()
      client.disconnect()
      await server.stop()
    },
  }
}

async function amqpSetup(): Promise<Setup> {
  const server = await startRabbitmqServer()
  const folder = await mkdtemp(join(tmpdir(), "spectacles-several-"))
  const broker = new Amqp("gateway")
  await broker.connect(server.url)
  return {
    settings: { BROKER_TYPE: "amqp", AMQP_URL: server.url, SHARD_STORE_TYPE: "file", SHARD_STORE_PATH: folder },
    broker,
    ids: async () => messageIds(await takeMessages(server.url, "gateway", EVENTS)),
    async stored() {
      const files = shardIds.map((shard) =>
        Bun.file(join(folder, `shard-${shard}.json`))
          .json()
          .catch(() => null),
      )
      return (await Promise.all(files)).filter((session) => session !== null)
    },
    async stop() {
      await broker.close()
      await server.stop()
      await rm(folder, { recursive: true })
    },
  }
}

describe.each([
  ["redis", redisSetup],
  ["amqp", amqpSetup],
] as const)("two gateways over %s", (_name, setUp) => {
  let discord: Simulator
  let setup: Setup
  let client: GatewayClient
  let gateways: GatewayProcess[]

  beforeEach(async () => {
    discord = await startSimulator({
      ...{ token: TOKEN, guilds: 16, shards: SHARDS, maxConcurrency: SHARDS, rate: 200 },
      ...{ replayEvents: 1_000_000 },
    })
    setup = await setUp()
    client = new GatewayClient(setup.broker, { shardCount: SHARDS })
    gateways = await startBoth()
  }, TIMEOUT_MS)

  afterEach(async () => {
    await client.close()
    for (const gateway of gateways) await gateway.stop()
    await setup.stop()
    await discord.stop()
  }, TIMEOUT_MS)

  async function startBoth(): Promise<GatewayProcess[]> {
    const started = []
    for (const ids of ["0-1", "2-3"]) {
      const settings = {
        DISCORD_EVENTS: EVENTS.join(","),
        DISCORD_INTENTS: "",
        DISCORD_RAW_INTENTS: "53608447",
        DISCORD_SHARD_COUNT: String(SHARDS),
        DISCORD_SHARD_IDS: ids,
      }
      started.push(await startGatewayProcess(discord, { ...settings, ...setup.settings }))
    }
    return started
  }

  const allLive = () => until(() => discord.sessions().filter(({ connected }) => connected).length === SHARDS)
  const packets = () => discord.record.of("packet").filter(({ op }) => op === 4)

  /** A guild of the shard, and a packet that nobody else sends. */
  function packetFor(shard: number, number: number) {
    const guildId = String((BigInt(shard + SHARDS * (number + 1)) << 22n) + 1n)
    const channel_id = String(1_000 * shard + number)
    return {
      guildId,
      packet: { op: 4, d: { guild_id: guildId, channel_id, self_mute: false, self_deaf: false } } as const,
    }
  }

  test(
    "each packet reaches the shard that it is for, once, whichever process takes it from the broker",
    async () => {
      await allLive()
      for (const shard of shardIds) {
        for (let number = 0; number < PACKETS; number += 1) {
          const { guildId, packet } = packetFor(shard, number)
          await client.send(guildId, packet)
        }
        const { packet } = packetFor(shard, PACKETS)
        await client.send(shard, packet)
      }
      await until(() => packets().length >= SHARDS * (PACKETS + 1))
      // Whatever were sent twice would have come by then.
      for (const shard of shardIds) await client.send(shard, packetFor(shard, PACKETS + 1).packet)
      await until(() => packets().length >= SHARDS * (PACKETS + 2))
      const wanted = shardIds.flatMap((shard) =>
        Array.from({ length: PACKETS + 2 }, (_, number) => [shard, packetFor(shard, number).packet.d.channel_id]),
      )
      const got = packets().map(({ shard, d }) => [shard, (d as { readonly channel_id: string }).channel_id])
      expect(got.map(String).sort()).toEqual(wanted.map(String).sort())
    },
    TIMEOUT_MS,
  )

  test(
    "sessions keep apart, and after a restart of both each resumes its own; every event arrives",
    async () => {
      await allLive()
      while ((await setup.stored()).filter(({ sequence }) => sequence > 100).length < SHARDS) await Bun.sleep(10)
      for (const gateway of gateways) gateway.signal("SIGTERM")
      for (const gateway of gateways) expect(await gateway.exited).toBe(0)
      const stored = await setup.stored()
      expect(stored.map(({ shard }) => shard).sort()).toEqual(shardIds)
      for (const { shard, sessionId } of stored) {
        expect(discord.sessions().find(({ id }) => id === sessionId)?.shard).toBe(shard)
      }
      gateways.push(...(await startBoth()))
      await until(() => outcomes(discord, "resume", "resumed") === SHARDS)
      discord.setRate(0)
      const sequenceOf = (shard: number) => discord.sessions().find((session) => session.shard === shard)?.sequence ?? 0
      while ((await setup.stored()).some(({ shard, sequence }) => sequence < sequenceOf(shard))) await Bun.sleep(10)
      const ids = await setup.ids()
      expect(missingAmong(discord, ids)).toEqual([])
      for (const [, list] of ids) expect(new Set(list).size).toBe(list.length)
      expect(outcomes(discord, "identify", "ready")).toBe(SHARDS)
    },
    TIMEOUT_MS,
  )
})
