import { expect, test } from "bun:test"
import { silentLogger } from "../../../../src/ops/log.ts"
import type { Permit, Refusal } from "../../../../src/proxy/limits/limiter.ts"
import { MemoryLimiter } from "../../../../src/proxy/limits/memory/memory-limiter.ts"
import { answer, told, want } from "../../../contract/limiter.ts"
import { FakeClock } from "../../../fixtures/fake-clock.ts"

const BOUNDS = { perBucket: 10, total: 1_000, idleMs: 60_000 }

function granted(given: Permit | Refusal | Promise<Permit | Refusal>): Permit {
  if (given instanceof Promise || given.type === "refused") throw new Error(`not granted: ${JSON.stringify(given)}`)
  return given
}

test("after a ban one request of all tokens goes, then they follow bit by bit, and none is lost", async () => {
  const clock = new FakeClock()
  const limiter = new MemoryLimiter({ clock, log: silentLogger, bounds: BOUNDS })
  granted(limiter.acquire(want("GET /users/@me"))).settle(answer(429, { "retry-after": "60" }, "<html>"))
  const waiting: Permit[] = []
  for (let bot = 0; bot < 100; bot += 1) {
    void Promise.resolve(limiter.acquire(want("GET /users/@me", { identity: `bot ${bot}` }))).then((permit) => {
      if (permit.type === "granted") waiting.push(permit)
    })
  }
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10)
      await Promise.resolve()
    }
  }
  await pass(59_000)
  expect(waiting).toHaveLength(0)
  expect(limiter.describe()).toMatchObject({ waiting: { 0: { queue: 1, because: "a ban of the IP address" } } })
  await pass(2_000)
  expect(waiting).toHaveLength(1)
  waiting[0]?.settle(told(4))
  await pass(1_000)
  expect(waiting.length).toBeWithin(5, 15)
  await pass(15_000)
  expect(waiting).toHaveLength(100)
  limiter.close()
})

test("a callback goes first after a ban, whatever waits longer", async () => {
  const clock = new FakeClock()
  const limiter = new MemoryLimiter({ clock, log: silentLogger, bounds: BOUNDS })
  granted(limiter.acquire(want("GET /users/@me"))).settle(answer(429, { "retry-after": "2" }, "<html>"))
  const order: string[] = []
  for (const line of ["GET /users/@me", "POST /interactions/175928847299117063/token/callback"]) {
    void Promise.resolve(limiter.acquire(want(line))).then(() => order.push(line))
  }
  clock.advance(2_100)
  await Promise.resolve()
  await Promise.resolve()
  expect(order).toEqual(["POST /interactions/175928847299117063/token/callback"])
  limiter.close()
})

test("lanes are bounded: a new one is refused while all are in use, and let in when idle ones were forgotten", () => {
  const clock = new FakeClock()
  const limiter = new MemoryLimiter({ clock, log: silentLogger, bounds: BOUNDS, maxLanes: 3 })
  const channels = [1, 2, 3].map((channel) => want(`GET /channels/${channel}`, { identity: `bot ${channel}` }))
  for (const request of channels) granted(limiter.acquire(request)).settle(told(4, { resetAfter: 1 }))
  const late = want("GET /channels/4")
  expect(limiter.acquire(late)).toMatchObject({ type: "refused", reason: "too many routes", retryAfterMs: 1_000 })
  for (const request of channels) granted(limiter.acquire(request)).settle(told(3, { resetAfter: 1 }))
  clock.advance(120_000)
  granted(limiter.acquire(late)).settle(told(4))
  limiter.close()
})

test("a token that Discord has refused is remembered though its routes are idle", () => {
  const clock = new FakeClock()
  const limiter = new MemoryLimiter({ clock, log: silentLogger, bounds: { ...BOUNDS, idleMs: 1_000 } })
  const request = want("GET /users/@me")
  granted(limiter.acquire(request)).settle(answer(401))
  clock.advance(30_000)
  expect(limiter.acquire(request)).toMatchObject({ reason: "token refused" })
  clock.advance(200_000)
  expect(limiter.reading.buckets).toBe(0)
  limiter.close()
})
