// The fence by permits against a real Redis: once they are taken away nothing more is executed, whatever is on its way.

import { afterEach, beforeEach, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { BrokerClosedError } from "../../../src/brokers/broker.ts"
import { type RedisBroker, redisBroker } from "../../../src/brokers/redis/broker.ts"
import { batchOf } from "../../fixtures/batches.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"
import { until } from "../../fixtures/running-gateway.ts"

const KEY = "{bot}:fleet:writers:one"
const ROUNDS = 30
const TIMEOUT_MS = 60_000

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
      mark: { type: "permit", key: KEY },
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

/** Lets in whoever asks, from now on. */
async function admitted(connections: number): Promise<void> {
  await until(() => asked.length >= connections)
  asked[connections - 1]?.resolve()
}

test("a connection has a permit before it asks, and writes nothing before it is let in", async () => {
  const published = publish(0, 1)
  await until(() => asked.length === 1)
  expect(await redis.scard(KEY)).toBe(1)
  expect(await redis.xlen("E")).toBe(0)
  asked[0]?.resolve()
  await published
  expect(await redis.xlen("E")).toBe(1)
})

test("#34 without its permit a connection writes nothing more and asks anew; what was dropped is not written", async () => {
  await admitted(1)
  await publish(0, 1)
  await redis.del(KEY)
  const lost = publish(0, 2).catch((error: unknown) => error)
  const kept = publish(1, 1)
  await until(() => asked.length === 2)
  expect(await redis.xlen("E")).toBe(1)
  broker.drop(0)
  asked[1]?.resolve()
  expect(await lost).toBeInstanceOf(BrokerClosedError)
  await kept
  expect(await redis.xlen("E")).toBe(2)
  // Only the connection that writes now has one.
  expect(await redis.scard(KEY)).toBe(1)
})

test("#34 a permit that was taken away before its connection was let in is none", async () => {
  const published = publish(0, 1)
  await until(() => asked.length === 1)
  await redis.del(KEY)
  asked[0]?.resolve()
  await admitted(2)
  await published
  expect(await redis.xlen("E")).toBe(1)
})

test(
  "another connection's permit costs a transaction that is sent again, and no event",
  async () => {
    await admitted(1)
    for (let sequence = 1; sequence <= ROUNDS; sequence += 1) {
      const published = publish(0, sequence)
      await redis.sadd(KEY, `other ${sequence}`)
      await published
    }
    expect(await redis.xlen("E")).toBe(ROUNDS)
    expect(asked).toHaveLength(1)
  },
  TIMEOUT_MS,
)

test(
  "#34 permits taken away at any moment of a steady stream: not one event comes after it",
  async () => {
    let isOver = false
    const all: Promise<void>[] = []
    const publishing = (async () => {
      for (let sequence = 1; !isOver; sequence += 1) {
        all.push(publish(0, sequence))
        await (sequence % 3 === 0 ? all.at(-1) : Bun.sleep(0))
      }
    })()
    for (let round = 1; round <= ROUNDS; round += 1) {
      await admitted(round)
      const before = await redis.xlen("E")
      while ((await redis.xlen("E")) < before + 1 + (round % 5)) await Bun.sleep(1)
      const taken = await redis.eval("redis.call('DEL', KEYS[1]) return redis.call('XLEN', KEYS[2])", 2, KEY, "E")
      await until(() => asked.length === round + 1)
      expect(await redis.xlen("E")).toBe(Number(taken))
    }
    isOver = true
    await admitted(ROUNDS + 1)
    await publishing
    await Promise.all(all)
    const ids = (await redis.xrange("E", "-", "+")).map(([, fields]) => fields[fields.indexOf("id") + 1])
    const firsts = [...new Set(ids)].map((id) => Number(id?.split(":")[1]))
    expect(firsts).toEqual(Array.from({ length: all.length }, (_, index) => index + 1))
  },
  TIMEOUT_MS,
)
