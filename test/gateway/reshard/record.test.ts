// Every adapter of the record's port against one suite: the model, and Redis, alone and as a cluster.

import { afterAll, beforeAll } from "bun:test"
import { placeOf } from "../../../src/brokers/redis/address.ts"
import { newClient } from "../../../src/brokers/redis/clients.ts"
import { redisLedger } from "../../../src/gateway/fleet/redis-ledger.ts"
import { reshardKeys } from "../../../src/gateway/reshard/redis/keys.ts"
import { redisReshards } from "../../../src/gateway/reshard/redis/record.ts"
import { type ReshardsUnderTest, reshardsContract } from "../../contract/reshards.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { type RedisServer, startRedisCluster, startRedisServer } from "../../fixtures/redis-server.ts"
import { ModelLedger, modelLedger } from "../fleet/model-ledger.ts"
import { ModelReshards } from "./model-reshards.ts"

/** Servers that find each other take seconds on a busy machine. */
const START_MS = 60_000

let server: RedisServer
let cluster: readonly RedisServer[] = []

beforeAll(async () => {
  server = await startRedisServer()
  cluster = await startRedisCluster()
}, START_MS)

afterAll(async () => {
  await Promise.all([server, ...cluster].map((one) => one.stop()))
})

reshardsContract("model", async () => {
  const model = new ModelLedger()
  let nowMs = 1_000_000
  const reshards = new ModelReshards(model, () => nowMs)
  return {
    ledger: modelLedger(model, () => nowMs),
    reshards,
    async over(pair, isOver) {
      if (isOver) reshards.over.add(pair)
      else reshards.over.delete(pair)
    },
    async pass(ms) {
      nowMs += ms + 1
    },
    async close() {},
  }
})

async function onRedis(urls: readonly string[]): Promise<ReshardsUnderTest> {
  const prefix = `bot-${crypto.randomUUID()}`
  const log = new RecordingLogger()
  const place = placeOf({ urls, isCluster: urls.length > 1 })
  const client = () => newClient({ place, log, random: Math.random }, "a test", null)
  const commands = client()
  const subscriber = client()
  const { over } = reshardKeys(prefix)
  const ledger = redisLedger({ commands: client(), subscriber: client(), prefix, node: "a" })
  return {
    ledger,
    reshards: redisReshards({ commands, subscriber, prefix }),
    async over(pair, isOver) {
      if (isOver) await commands.sadd(over, pair)
      else await commands.srem(over, pair)
    },
    pass: (ms) => Bun.sleep(ms + 5),
    async close() {
      await ledger.close()
      commands.disconnect()
      subscriber.disconnect()
    },
  }
}

reshardsContract("Redis", () => onRedis([server.url]))
reshardsContract("Redis cluster", () => onRedis(cluster.map(({ url }) => url)))
