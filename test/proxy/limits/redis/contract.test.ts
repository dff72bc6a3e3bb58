import { afterAll, beforeAll } from "bun:test"
import { limiterContract } from "../../../contract/limiter.ts"
import { redisLimiters } from "../../../fixtures/redis-limiters.ts"
import { type RedisServer, startRedisServer } from "../../../fixtures/redis-server.ts"

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

limiterContract("redis", async ({ perBucket = 1_000, total = 10_000, invalidLimit = 10_000 } = {}) => {
  const { clock, start, pass, stop } = await redisLimiters(server)
  const limiter = start({ bounds: { perBucket, total, idleMs: 60_000 }, invalidLimit })
  return { limiter, nowMs: () => clock.nowMs(), pass, stop }
})
