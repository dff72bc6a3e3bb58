// Every adapter of the exchange's port against one suite: the model, and Redis, alone and as a cluster. And what only Redis has.

import { expect, test } from "bun:test"
import { placeOf } from "../../../src/brokers/redis/address.ts"
import { newClient } from "../../../src/brokers/redis/clients.ts"
import { ledgerKeys } from "../../../src/gateway/fleet/redis-ledger.ts"
import { redisExchange } from "../../../src/gateway/reshard/redis/exchange.ts"
import { reshardKeys } from "../../../src/gateway/reshard/redis/keys.ts"
import { type PairExchangesUnderTest, pairExchangeContract } from "../../contract/pair-exchange.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { redisServerAndCluster } from "../../fixtures/redis-server-and-cluster.ts"
import { AT_ONCE, ModelExchange } from "./model-exchange.ts"

const redis = redisServerAndCluster()

pairExchangeContract("model", async () => {
  const model = new ModelExchange(2, 4)
  return {
    one: model.connect(AT_ONCE),
    other: model.connect(AT_ONCE),
    async setPhase(phase) {
      model.phase = phase
    },
    async supersede() {
      model.isSuperseded = true
    },
    async listening() {},
    async close() {},
  }
})

async function onRedis(
  urls: readonly string[],
): Promise<PairExchangesUnderTest & { readonly over: () => Promise<string[]> }> {
  const prefix = `bot-${crypto.randomUUID()}`
  const { record, over, news } = reshardKeys(prefix)
  const place = placeOf({ urls, isCluster: urls.length > 1 })
  const client = () => newClient({ place, log: new RecordingLogger(), random: Math.random }, "a test", null)
  const connect = () => {
    const [commands, subscriber] = [client(), client()]
    const exchange = redisExchange({ commands, subscriber, prefix, reshardId: "this", from: 2, to: 4 })
    return { commands, subscriber, exchange }
  }
  const [one, other] = [connect(), connect()]
  const setPhase = async (phase: string) => void (await one.commands.hset(record, "id", "this", "phase", phase))
  await setPhase("cutting")
  return {
    one: one.exchange,
    other: other.exchange,
    setPhase,
    supersede: async () => void (await one.commands.hset(record, "id", "another")),
    listening: async () => void (await Promise.all([one, other].map(({ subscriber }) => subscriber.subscribe(news)))),
    over: async () => (await one.commands.smembers(over)).toSorted(),
    async close() {
      for (const { commands, subscriber, exchange } of [one, other]) {
        exchange.close()
        commands.disconnect()
        subscriber.disconnect()
      }
    },
  }
}

pairExchangeContract("Redis", () => onRedis([redis.server.url]))
pairExchangeContract("Redis Cluster", () => onRedis(redis.clusterUrls))

test("only who holds the lease of a shard begins with it: who was paused cannot end another's attempts", async () => {
  const prefix = `bot-${crypto.randomUUID()}`
  const { leases } = ledgerKeys(prefix)
  const place = placeOf({ urls: [redis.server.url] })
  const client = () => newClient({ place, log: new RecordingLogger(), random: Math.random }, "a test", null)
  const [commands, subscriber] = [client(), client()]
  await commands.hset(reshardKeys(prefix).record, "id", "this", "phase", "cutting")
  await commands.hset(leases, "5", "1|1|0|another|node")
  const exchange = (node: string) =>
    redisExchange({
      ...{ commands, subscriber, prefix, reshardId: "this", from: 2, to: 4 },
      leases: { key: leases, node, slotOf: (side, shard) => (side === "old" ? 0 : 2) + shard },
    })
  expect((await exchange("another|node").begin("new", 3)).get(1)).toEqual([])
  const sentence = "Cannot begin with new shard 3: its lease is another process's by now."
  await expect(exchange("node").begin("new", 3)).rejects.toThrow(sentence)
  await expect(exchange("node").begin("old", 0)).rejects.toThrow()
  expect((await exchange("node").read("new", 3)).get(1)).toEqual([])
  commands.disconnect()
  subscriber.disconnect()
})

test("the pairs that the new set publishes can be read beside the record", async () => {
  const { one, other, setPhase, over, close } = await onRedis([redis.server.url])
  const places = { old: { sessionId: "o", sequence: 1 }, new: { sessionId: "n", sequence: 1 }, streams: new Map() }
  const offer = (attempt: string) => ({ attempt, place: places.old, tails: new Map() })
  for (const pair of [
    { old: 0, new: 2 },
    { old: 1, new: 3 },
  ]) {
    await one.offer(pair, "new", offer("1"))
    await other.settle(pair, { attempt: "1", to: "new", ...places })
  }
  expect(await over()).toEqual(["0:2", "1:3"])
  await setPhase("undoing")
  await other.offer({ old: 0, new: 2 }, "old", offer("2"))
  await one.settle({ old: 0, new: 2 }, { attempt: "2", to: "old", ...places })
  expect(await over()).toEqual(["1:3"])
  await close()
})
