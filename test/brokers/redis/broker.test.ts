// The broker over real Redis servers: the contract that every broker meets, and what is Redis' own.

import { afterAll, beforeAll } from "bun:test"
import type { Broker } from "../../../src/brokers/broker.ts"
import { type RedisBrokerOptions, redisBroker } from "../../../src/brokers/redis/broker.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { type BrokerHarness, brokerContract } from "../../contract/broker.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

async function harness(body: "msgpack" | "json"): Promise<BrokerHarness> {
  await server.command("FLUSHALL")
  const brokers: Broker[] = []
  const connect = (options: Partial<RedisBrokerOptions> = {}) => {
    const broker = redisBroker({
      urls: [server.url],
      group: "gateway",
      body,
      trimming: { retentionMs: 60_000 },
      poolSize: 2,
      logger: silentLogger,
      ...options,
    })
    brokers.push(broker)
    return broker
  }
  return {
    publisher: connect(),
    consumer: async () => connect({ group: "workers" }),
    stall: () => server.pause(),
    resume: () => server.resume(),
    stop: async () => {
      for (const broker of brokers) await broker.close({ drainWithinMs: 0 })
    },
  }
}

const traits = { calls: true, redelivers: true, deliversBrokenBodies: true }
brokerContract("redis (MessagePack)", traits, () => harness("msgpack"))
brokerContract("redis (JSON)", traits, () => harness("json"))
