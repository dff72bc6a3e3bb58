// Each identify queue under the one contract.

import { afterAll, beforeAll } from "bun:test"
import { identifyQueueContract } from "../../contract/identify-queue.ts"
import { memoryLine, redisLineUnderTest } from "../../fixtures/identify-lines.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

identifyQueueContract("memory", () => memoryLine())
identifyQueueContract("Redis", (clock) => redisLineUnderTest(server, clock))
