// Every adapter of the record's port against one suite: the model, and Redis, alone and as a cluster.

import { placeOf } from "../../../src/brokers/redis/address.ts"
import { newClient } from "../../../src/brokers/redis/clients.ts"
import { redisLedger } from "../../../src/gateway/fleet/redis-ledger.ts"
import { reshardKeys } from "../../../src/gateway/reshard/redis/keys.ts"
import { redisReshards } from "../../../src/gateway/reshard/redis/record.ts"
import { type ReshardsUnderTest, reshardsContract } from "../../contract/reshards.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { redisServerAndCluster } from "../../fixtures/redis-server-and-cluster.ts"
import { ModelLedger, modelLedger } from "../fleet/model-ledger.ts"
import { ModelReshards } from "./model-reshards.ts"

const redis = redisServerAndCluster()

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

reshardsContract("Redis", () => onRedis([redis.server.url]))
reshardsContract("Redis cluster", () => onRedis(redis.clusterUrls))
