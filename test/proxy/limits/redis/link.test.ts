// Redis gone, and back.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test"
import { type Asked, answer, asking, granted, told, want } from "../../../contract/limiter.ts"
import { RecordingLogger } from "../../../fixtures/recording-logger.ts"
import { type RedisLimiters, redisLimiters } from "../../../fixtures/redis-limiters.ts"
import { type RedisServer, startRedisServer } from "../../../fixtures/redis-server.ts"

const POST = "POST /channels/175928847299117063/messages"

let server: RedisServer
let log: RecordingLogger
let shared: RedisLimiters

beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())
beforeEach(async () => {
  log = new RecordingLogger()
  shared = await redisLimiters(server, log)
})
afterEach(() => shared.stop())

function several(count: number, ask: () => Asked): Asked[] {
  return Array.from({ length: count }, ask)
}

test("without Redis each instance takes its part of what a bucket had left, and no more", async () => {
  const [one, two] = [shared.start(), shared.start()]
  const [askOne, askTwo] = [asking({ limiter: one }), asking({ limiter: two })]
  // Instances hear of one another with the second beat.
  await shared.pass(2_500)
  const first = askOne(want(POST))
  await shared.pass(50)
  first.permit().settle(told(7, { limit: 8, resetAfter: 60 }))
  const others = [askOne(want(POST)), askTwo(want(POST))]
  await shared.pass(50)
  for (const asked of others) asked.permit().settle(told(5, { limit: 8, resetAfter: 60 }))
  await shared.pass(50)
  shared.cut()
  const after = [...several(6, () => askOne(want(POST))), ...several(6, () => askTwo(want(POST)))]
  await shared.pass(3_000)
  expect(granted(after)).toBeWithin(2, 6)
  await shared.pass(20_000)
  expect(granted(after)).toBeLessThanOrEqual(5)
})

test("without Redis each instance keeps to its part of the global limit", async () => {
  const [one, two] = [shared.start(), shared.start()]
  await shared.pass(2_500)
  shared.cut()
  await shared.pass(2_500)
  const lines = Array.from({ length: 60 }, (_, index) => `GET /channels/${175_928_847_299_117_000n + BigInt(index)}`)
  for (const limiter of [one, two]) {
    const all = lines.map((line) => asking({ limiter })(want(line)))
    await shared.pass(990)
    expect(granted(all)).toBeWithin(20, 26)
    for (const asked of all) if (asked.isGranted()) asked.permit().unsent()
  }
})

test("an outage is told once, shows in the reading, and ends by itself when Redis has answered for a while", async () => {
  const one = shared.start()
  const ask = asking({ limiter: one })
  await shared.pass(2_500)
  expect(one.reading.sharing).toEqual({ type: "shared", instances: 1 })
  shared.cut()
  await shared.pass(10_000)
  expect(one.reading.sharing).toMatchObject({ type: "alone", instances: 1 })
  const during = ask(want(POST))
  await shared.pass(50)
  during.permit().settle(told(4))
  shared.mend()
  await shared.pass(1_000)
  expect(one.reading.sharing?.type).toBe("alone")
  await shared.pass(2_000)
  expect(one.reading.sharing?.type).toBe("shared")
  // For a second nothing goes: Redis does not know what was sent lately.
  const later = ask(want(POST))
  await shared.pass(1_200)
  expect(later.isGranted()).toBe(true)
  expect(log.messages("error")).toHaveLength(1)
  expect(log.messages("error")[0]).toContain("Redis does not answer")
  expect(log.messages("info")).toEqual(["Redis answers again: the limits are shared"])
})

test("an instance that never reached Redis takes a quarter of every limit", async () => {
  const one = shared.start({ scripts: { run: () => Promise.reject(new Error("cut off")) } })
  const lines = Array.from({ length: 40 }, (_, index) => `GET /channels/${175_928_847_299_117_000n + BigInt(index)}`)
  const all = lines.map((line) => asking({ limiter: one })(want(line)))
  await shared.pass(990)
  expect(one.reading.sharing).toMatchObject({ type: "alone", instances: 4 })
  expect(granted(all)).toBeWithin(9, 13)
})

test("what waited when Redis went is let through without it", async () => {
  const one = shared.start()
  const ask = asking({ limiter: one })
  const first = ask(want(POST))
  await shared.pass(50)
  first.permit().settle(told(0, { resetAfter: 5 }))
  const waiting = ask(want(POST))
  await shared.pass(1_000)
  shared.cut()
  await shared.pass(3_000)
  expect(waiting.isOver()).toBe(false)
  await shared.pass(2_000)
  expect(waiting.isGranted()).toBe(true)
})

test("invalid requests of an outage are told to Redis when it is back", async () => {
  const one = shared.start({ invalidLimit: 1_000 })
  const ask = asking({ limiter: one })
  await shared.pass(2_500)
  shared.cut()
  for (let count = 0; count < 5; count += 1) {
    const asked = ask(want(`GET /channels/${175_928_847_299_117_000n + BigInt(count)}`))
    await shared.pass(100)
    asked.permit().settle(answer(403))
  }
  expect(one.reading.invalidLeft).toBe(995)
  shared.mend()
  await shared.pass(5_000)
  const two = shared.start({ invalidLimit: 1_000 })
  await shared.pass(100)
  expect(two.reading.invalidLeft).toBe(995)
})
