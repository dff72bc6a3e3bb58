import { silentLogger } from "../../../../src/ops/log.ts"
import { InvalidBudget } from "../../../../src/proxy/limits/invalid-budget.ts"
import { MemoryLimiter } from "../../../../src/proxy/limits/memory/memory-limiter.ts"
import { limiterContract } from "../../../contract/limiter.ts"
import { FakeClock } from "../../../fixtures/fake-clock.ts"

limiterContract("memory", async ({ perBucket = 1_000, total = 10_000, invalidLimit = 10_000 } = {}) => {
  const clock = new FakeClock()
  const limiter = new MemoryLimiter({
    clock,
    log: silentLogger,
    bounds: { perBucket, total, idleMs: 60_000 },
    budget: new InvalidBudget(invalidLimit),
  })
  return {
    limiter,
    nowMs: () => clock.nowMs(),
    async pass(ms) {
      await Promise.resolve()
      clock.advance(ms)
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
    },
    stop: async () => limiter.close(),
  }
})
