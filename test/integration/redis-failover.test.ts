// The gateway and a Redis that fails over under load: sentinels make a replica the master, or a cluster does. Every event of
// the simulator's log is with the new master, in order.

import { afterEach, describe, expect, test } from "bun:test"
import { type RedisBrokerOptions, redisBroker } from "../../src/brokers/redis/broker.ts"
import { isCluster } from "../../src/brokers/redis/mode.ts"
import { slotOf } from "../../src/brokers/redis/slots.ts"
import { systemClock } from "../../src/flow/clock.ts"
import { redisSessionStore } from "../../src/gateway/sessions/redis-store.ts"
import { silentLogger } from "../../src/ops/log.ts"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { MASTER, type RedisSentinels, startRedisSentinels } from "../fixtures/redis-sentinel.ts"
import {
  joinAsReplica,
  killCaughtUp,
  type RedisServer,
  startRedisCluster,
  startRedisServer,
} from "../fixtures/redis-server.ts"
import { streamIds } from "../fixtures/redis-streams.ts"
import { EVENTS, missingAmong, type RunningGateway, runGateway, until } from "../fixtures/running-gateway.ts"

const LONG = process.env["SPECTACLES_LONG_TESTS"] === "1"
const RATE = LONG ? 2_500 : 750
const SHARDS = 2
const TIMEOUT_MS = LONG ? 120_000 : 120_000
const PASSWORD = "s3cret"

let discord: Simulator
let running: RunningGateway | undefined
const others: { stop(): unknown }[] = []

afterEach(async () => {
  await running?.stop()
  running = undefined
  await discord.stop()
  for (const other of others.splice(0)) await other.stop()
}, TIMEOUT_MS)

async function run(options: Pick<RedisBrokerOptions, "urls" | "isCluster" | "replicas">): Promise<RunningGateway> {
  discord = await startSimulator({
    ...{ guilds: 8, shards: SHARDS, maxConcurrency: SHARDS, rate: RATE, replayEvents: 1_000_000 },
  })
  const broker = redisBroker({
    ...{ group: "gateway", body: "msgpack", trimming: { retentionMs: 3_600_000 }, poolSize: 1, logger: silentLogger },
    ...options,
  })
  const store = redisSessionStore({ values: broker.values, prefix: "gateway", onUnreadable: () => {} })
  running = runGateway({ discord, clock: systemClock, broker, store })
  await running.ready()
  await allPast(200)
  return running
}

const sequences = () => discord.sessions().map(({ sequence }) => sequence)

async function allPast(events: number): Promise<void> {
  const before = sequences()
  await until(() => sequences().every((sequence, index) => sequence > (before[index] ?? 0) + events))
}

/** Traffic ends, and everything that Discord dispatched is confirmed. */
async function expectEverything(gateway: RunningGateway, url: string | readonly string[]): Promise<void> {
  await allPast(200)
  discord.setRate(0)
  await gateway.ready()
  await until(() => {
    const { shards } = gateway.gateway.shards as {
      readonly shards: readonly { readonly id: number; acknowledged: number }[]
    }
    const live = discord.sessions().filter((session) => session.live)
    return live.every(({ shard, sequence }) => shards.find(({ id }) => id === shard)?.acknowledged === sequence)
  })
  expect(missingAmong(discord, await streamIds(url, EVENTS))).toEqual([])
  expect(discord.record.of("identify").length).toBe(SHARDS)
}

describe("#29 sentinels", () => {
  let master: RedisServer
  let replica: RedisServer
  let sentinels: RedisSentinels

  async function start(sentinelPassword?: string): Promise<string> {
    master = await startRedisServer({ password: PASSWORD })
    replica = await startRedisServer({ password: PASSWORD, replicaOf: master })
    const login = { password: PASSWORD, ...(sentinelPassword === undefined ? {} : { sentinelPassword }) }
    while (!(await master.command("INFO", "replication")).includes("state=online")) await Bun.sleep(10)
    sentinels = await startRedisSentinels(master, login)
    others.push(sentinels, master, replica)
    const query = sentinelPassword === undefined ? "" : `?sentinel_password=${sentinelPassword}`
    return `redis+sentinel://:${PASSWORD}@${sentinels.hosts}/${MASTER}/0${query}`
  }

  const promoted = async () => {
    while ((await sentinels.masterPort()) !== replica.port) await Bun.sleep(20)
  }

  test(
    "make the replica master after the master was killed: the gateway finds it, nothing is missing",
    async () => {
      const gateway = await run({ urls: [await start()] })
      await killCaughtUp(master, replica)
      await promoted()
      await expectEverything(gateway, replica.url)
    },
    TIMEOUT_MS,
  )

  test(
    "hand over on an operator's word, when writes are paused before: nothing is missing",
    async () => {
      const gateway = await run({ urls: [await start()] })
      // Otherwise the old master takes events for a second or so that nobody else ever gets.
      await master.command("CLIENT", "PAUSE", String(TIMEOUT_MS), "WRITE")
      await sentinels.failOver()
      await promoted()
      await expectEverything(gateway, replica.url)
    },
    TIMEOUT_MS,
  )

  test(
    "hand over on an operator's word, when events count only once a replica has them: nothing is missing",
    async () => {
      const gateway = await run({ urls: [await start()], replicas: 1 })
      await sentinels.failOver()
      await promoted()
      // The old master comes back as a replica, which the new one needs to confirm anything.
      await expectEverything(gateway, replica.url)
    },
    TIMEOUT_MS,
  )

  test(
    "with passwords of their own, of which one is dead, fail over once and back again under load, events count once a replica has them: nothing is missing",
    async () => {
      const gateway = await run({ urls: [await start("other")], replicas: 1 })
      await sentinels.killOne()
      await master.kill()
      await promoted()
      // It comes back as a replica of the one that was its own.
      await master.up()
      while (!(await replica.command("INFO", "replication")).includes("state=online")) await Bun.sleep(10)
      await allPast(200)
      await replica.kill()
      while ((await sentinels.masterPort()) !== master.port) await Bun.sleep(20)
      await replica.up()
      await expectEverything(gateway, master.url)
    },
    TIMEOUT_MS,
  )
})

describe("#29 a cluster", () => {
  const STREAM = "MESSAGE_CREATE"
  let servers: readonly RedisServer[]

  /** The master of the stream, its replica, and all but the master. */
  async function start(): Promise<
    Record<"master" | "replica", RedisServer> & { readonly rest: readonly RedisServer[] }
  > {
    const masters = await startRedisCluster()
    others.push(...masters)
    const index = masters.findIndex((_, at) => slotOf(STREAM) < Math.ceil(((at + 1) * 16_384) / 3))
    const master = masters[index] ?? masters[0]
    const replica = await joinAsReplica(master, masters)
    others.push(replica)
    servers = [...masters, replica]
    return { master, replica, rest: servers.filter((server) => server !== master) }
  }

  const modeOf = (url: string) =>
    isCluster(
      { urls: [url] },
      { clock: systemClock, log: silentLogger, random: Math.random, signal: new AbortController().signal },
    )

  test(
    "makes a replica master after a master was killed: the gateway follows, from one URL, nothing is missing",
    async () => {
      const { master, replica, rest } = await start()
      for (const server of servers) await server.command("CONFIG", "SET", "cluster-node-timeout", "1000")
      const url = rest[0]?.url ?? ""
      const gateway = await run({ urls: [url], isCluster: await modeOf(url) })
      await killCaughtUp(master, replica)
      await expectEverything(
        gateway,
        rest.map((server) => server.url),
      )
    },
    TIMEOUT_MS,
  )

  test(
    "hands a master's slots to its replica on an operator's word, nothing is missing",
    async () => {
      const { replica, rest } = await start()
      const gateway = await run({ urls: servers.map(({ url }) => url) })
      await replica.command("CLUSTER", "FAILOVER")
      while (!(await replica.command("ROLE")).startsWith("master")) await Bun.sleep(10)
      await expectEverything(
        gateway,
        rest.map((server) => server.url),
      )
    },
    TIMEOUT_MS,
  )
})
