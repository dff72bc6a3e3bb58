// The fence against a real Redis: what a connection may do before it is let in, and after it was ended.

import { afterEach, beforeEach, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { BrokerClosedError } from "../../../src/brokers/broker.ts"
import { type RedisBroker, redisBroker } from "../../../src/brokers/redis/broker.ts"
import { batchOf } from "../../fixtures/batches.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"
import { until } from "../../fixtures/running-gateway.ts"

let server: RedisServer
let redis: Redis
let broker: RedisBroker
/** One for each connection that asks. */
let asked: PromiseWithResolvers<void>[]

beforeEach(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url, { protocol: 2 })
  asked = []
  broker = redisBroker({
    urls: [server.url],
    group: "test",
    body: "json",
    trimming: {},
    poolSize: 1,
    logger: new RecordingLogger(),
    fence: {
      mark: { type: "name", name: "spectacles:bot:one" },
      admit() {
        const answer = Promise.withResolvers<void>()
        asked.push(answer)
        return answer.promise
      },
    },
  })
})

afterEach(async () => {
  redis.disconnect()
  await broker.close({ drainWithinMs: 0 })
  await server.stop()
})

const publish = (shard: number, firstSequence: number) =>
  broker.publish(batchOf(broker.encoding, [{ event: "E", data: {} }], { shard, firstSequence }))

/** The connection of that name, as who takes a process's shards finds it. */
async function writer(): Promise<string | undefined> {
  const list = String(await redis.client("LIST"))
  return list
    .split("\n")
    .find((line) => line.includes(" name=spectacles:bot:one "))
    ?.split(" ")[0]
    ?.slice("id=".length)
}

test("a connection carries its name before it asks, and writes nothing before it is let in", async () => {
  const published = publish(0, 1)
  await until(() => asked.length === 1)
  expect(await writer()).toBeString()
  expect(await redis.xlen("E")).toBe(0)
  asked[0]?.resolve()
  await published
  expect(await redis.xlen("E")).toBe(1)
})

test("#34 the next connection after one that was ended asks anew; what was dropped meanwhile is not written", async () => {
  await until(() => asked.length === 1)
  asked[0]?.resolve()
  await publish(0, 1)
  await redis.client("KILL", "ID", (await writer()) ?? "")
  await until(() => asked.length === 2)
  const lost = publish(0, 2).catch((error: unknown) => error)
  const kept = publish(1, 1)
  broker.drop(0)
  asked[1]?.resolve()
  expect(await lost).toBeInstanceOf(BrokerClosedError)
  await kept
  expect(await redis.xlen("E")).toBe(2)
})

test("an answer to a connection that is gone lets no other one in", async () => {
  await until(() => asked.length === 1)
  await redis.client("KILL", "ID", (await writer()) ?? "")
  await until(() => asked.length === 2)
  const published = publish(0, 1)
  asked[0]?.resolve()
  await redis.ping()
  expect(await redis.xlen("E")).toBe(0)
  asked[1]?.resolve()
  await published
})
