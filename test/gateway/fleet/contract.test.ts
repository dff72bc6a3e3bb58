// Every adapter of the ledger's port against one suite: the model that the simulation runs on, and Redis.

import { afterAll, beforeAll } from "bun:test"
import { Cluster, Redis } from "ioredis"
import { placeOf } from "../../../src/brokers/redis/address.ts"
import { newClient } from "../../../src/brokers/redis/clients.ts"
import { ledgerKeys, redisLedger } from "../../../src/gateway/fleet/redis-ledger.ts"
import { type LedgerUnderTest, ledgerContract } from "../../contract/fleet-ledger.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { type RedisServer, startRedisCluster, startRedisServer } from "../../fixtures/redis-server.ts"
import { ModelLedger, modelLedger } from "./model-ledger.ts"

/** Servers that find each other take seconds on a busy machine. */
const START_MS = 60_000

ledgerContract("model", async () => {
  const model = new ModelLedger()
  let nowMs = 1_000_000
  return {
    ledger: modelLedger(model, () => nowMs),
    async pass(ms) {
      nowMs += ms + 1
    },
    async restart(lost) {
      model.restart(lost)
    },
    async close() {},
  }
})

let server: RedisServer
let cluster: readonly RedisServer[] = []

beforeAll(async () => {
  server = await startRedisServer()
  cluster = await startRedisCluster()
}, START_MS)

afterAll(async () => {
  await Promise.all([server, ...cluster].map((one) => one.stop()))
})

const urls = () => cluster.map(({ url }) => url)

/** A restart is made believe: a server that is another one has another `run`. */
async function onRedis(servers: readonly string[], connect: () => Redis | Cluster): Promise<LedgerUnderTest> {
  const prefix = `bot-${crypto.randomUUID()}`
  const log = new RecordingLogger()
  const location = { urls: servers, isCluster: servers.length > 1 }
  const client = () => newClient({ place: placeOf(location), log, random: Math.random }, "a test", null)
  const ledger = redisLedger({ commands: client(), subscriber: client(), prefix, node: "a" })
  const { about, nodes, leases } = ledgerKeys(prefix)
  return {
    ledger,
    pass: (ms) => Bun.sleep(ms + 5),
    async restart(lost) {
      const redis = connect()
      if (lost === "all") for (const key of [about, nodes, leases]) await redis.del(key)
      else await redis.hset(about, "run", "another")
      redis.disconnect()
    },
    close: () => ledger.close(),
  }
}

ledgerContract("Redis", () => onRedis([server.url], () => new Redis(server.url)))
ledgerContract("Redis cluster", () => onRedis(urls(), () => new Cluster(urls())))
