import { expect, test } from "bun:test"
import { silentLogger } from "../../../src/ops/log.ts"
import { MemoryLimiter } from "../../../src/proxy/limits/memory/memory-limiter.ts"
import { told, want } from "../../contract/limiter.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

test("idle buckets are forgotten, and those that still hold something back are not", async () => {
  const clock = new FakeClock()
  const limiter = new MemoryLimiter({
    clock,
    log: silentLogger,
    bounds: { perBucket: 10, total: 100, idleMs: 60_000 },
  })
  for (let channel = 0; channel < 5_000; channel += 1) {
    const request = want(`GET /channels/${1e15 + channel}`, { identity: `token ${channel % 1_000}` })
    const permit = await limiter.acquire(request)
    if (permit.type === "refused") throw new Error(permit.reason)
    permit.settle(told(channel === 0 ? 0 : 4, { resetAfter: channel === 0 ? 600 : 1, hash: "get" }))
    clock.advance(1)
  }
  expect(limiter.reading.buckets).toBe(5_000)
  clock.advance(90_000)
  expect(limiter.reading.buckets).toBe(1)
  clock.advance(2_000_000)
  expect(limiter.reading.buckets).toBe(0)
  limiter.close()
})
