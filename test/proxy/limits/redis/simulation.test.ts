// Many clients of several instances against a Discord that counts. Redis is real; its clock and everybody else's is the
// test's, and runs as fast as Redis answers.

import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { want } from "../../../contract/limiter.ts"
import { redisLimiters } from "../../../fixtures/redis-limiters.ts"
import { type RedisServer, startRedisServer } from "../../../fixtures/redis-server.ts"
import { seeded } from "../../../gateway/simulation/random.ts"
import { ModelDiscord, type ModelOptions } from "../simulation/model-discord.ts"

const CLIENTS = 60
const CHANNELS = 12
const SECONDS = 15

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

type Model = Omit<ModelOptions, "clock" | "random">

/** @returns what Discord has seen, and how many requests each client got through. */
async function run(seed: number, instances: number, model: Model) {
  const { clock, start, quiet, stop } = await redisLimiters(server)
  const discord = new ModelDiscord({ ...model, clock, random: seeded(seed).next })
  const limiters = Array.from({ length: instances }, () => start())
  const byClient = new Map<number, number>()
  const client = async (index: number) => {
    const channel = String(175_928_847_299_117_000n + BigInt(index % CHANNELS))
    const limiter = limiters[Math.floor(index / CHANNELS) % instances]
    const request = want(`POST /channels/${channel}/messages`)
    while (limiter !== undefined && clock.nowMs() < SECONDS * 1_000) {
      const permit = await limiter.acquire(request)
      if (permit.type === "refused") throw new Error(`refused: ${permit.reason}`)
      await new Promise<void>((done) =>
        discord.send(channel, (answer) => {
          permit.settle(answer)
          byClient.set(index, (byClient.get(index) ?? 0) + 1)
          done()
        }),
      )
    }
  }
  for (let index = 0; index < CLIENTS; index += 1) void client(index).catch(() => {})
  await quiet()
  while (clock.nowMs() < SECONDS * 1_000 && clock.step()) await quiet()
  await stop()
  return { discord, byClient }
}

describe("clients of several instances that share Redis get no 429, and nearly all that the limits allow:", () => {
  const windows = Math.ceil((SECONDS * 1_000) / 5_000)
  const cases: readonly (readonly [title: string, allowed: number, model: Model])[] = [
    [
      "bound by their buckets",
      CHANNELS * 5 * windows,
      { limit: 5, windowMs: 5_000, isSliding: false, globalPerSecond: 50, delayMs: [5, 40] },
    ],
    [
      "bound by the token",
      50 * SECONDS,
      { limit: 5, windowMs: 1_000, isSliding: false, globalPerSecond: 50, delayMs: [5, 15] },
    ],
    [
      "with sliding windows",
      CHANNELS * 5 * windows,
      { limit: 5, windowMs: 5_000, isSliding: true, globalPerSecond: 50, delayMs: [5, 40] },
    ],
  ]
  for (const instances of [1, 2, 3])
    test.each(cases)(
      `${instances} of them, %s`,
      async (_title, allowed, model) => {
        const { discord, byClient } = await run(instances, instances, model)
        expect(discord.limited).toBe(0)
        expect(discord.passed).toBeGreaterThanOrEqual(allowed * 0.95)
        expect(discord.passedBy.size).toBe(CHANNELS)
        expect(Math.min(...discord.passedBy.values())).toBeGreaterThanOrEqual((allowed / CHANNELS) * 0.9)
        // In three windows nearly every instance has had its turn with every channel.
        expect(byClient.size).toBeGreaterThanOrEqual(CLIENTS * 0.9)
      },
      120_000,
    )
})
