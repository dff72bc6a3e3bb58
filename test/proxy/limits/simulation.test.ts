// Many clients against a Discord that counts, on a clock that runs as fast as the machine can.

import { describe, expect, test } from "bun:test"
import { silentLogger } from "../../../src/ops/log.ts"
import { MemoryLimiter } from "../../../src/proxy/limits/memory/memory-limiter.ts"
import { want } from "../../contract/limiter.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { seeded } from "../../gateway/simulation/random.ts"
import { ModelDiscord, type ModelOptions } from "./simulation/model-discord.ts"

const CLIENTS = 200
const CHANNELS = 20
const SECONDS = 30

async function run(seed: number, options: Omit<ModelOptions, "clock" | "random">): Promise<ModelDiscord> {
  const clock = new FakeClock()
  const discord = new ModelDiscord({ ...options, clock, random: seeded(seed).next })
  const limiter = new MemoryLimiter({
    clock,
    log: silentLogger,
    bounds: { perBucket: 1_000, total: 10_000, idleMs: 60_000 },
  })
  const client = async (index: number) => {
    const channel = String(175_928_847_299_117_000n + BigInt(index % CHANNELS))
    const request = want(`POST /channels/${channel}/messages`)
    while (clock.nowMs() < SECONDS * 1_000) {
      const permit = await limiter.acquire(request)
      if (permit.type === "refused") throw new Error(`refused: ${permit.reason}`)
      await new Promise<void>((done) =>
        discord.send(channel, (answer) => {
          permit.settle(answer)
          done()
        }),
      )
    }
  }
  for (let index = 0; index < CLIENTS; index += 1) void client(index).catch(() => {})
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  }
  await settle()
  while (clock.nowMs() < SECONDS * 1_000 && clock.step()) await settle()
  limiter.close()
  return discord
}

describe("200 clients on 20 channels for 30 s get no 429, and nearly all that the limits allow:", () => {
  const cases: readonly (readonly [title: string, allowed: number, options: Omit<ModelOptions, "clock" | "random">])[] =
    [
      [
        "bound by their buckets",
        600,
        { limit: 5, windowMs: 5_000, isSliding: false, globalPerSecond: 50, delayMs: [5, 40] },
      ],
      [
        "bound by the token",
        1_500,
        { limit: 5, windowMs: 1_000, isSliding: false, globalPerSecond: 50, delayMs: [5, 15] },
      ],
      [
        "with sliding windows",
        600,
        { limit: 5, windowMs: 5_000, isSliding: true, globalPerSecond: 50, delayMs: [5, 40] },
      ],
    ]
  test.each(cases)("%s", async (_title, allowed, options) => {
    for (const seed of [1, 2, 3]) {
      const discord = await run(seed, options)
      expect({ seed, limited: discord.limited }).toEqual({ seed, limited: 0 })
      expect(discord.passed).toBeGreaterThanOrEqual(allowed * 0.95)
      const fewest = Math.min(...discord.passedBy.values())
      expect(discord.passedBy.size).toBe(CHANNELS)
      expect(fewest).toBeGreaterThanOrEqual((allowed / CHANNELS) * 0.9)
    }
  })
})
