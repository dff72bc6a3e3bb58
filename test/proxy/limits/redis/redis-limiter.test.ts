// What instances that share Redis owe one another; what each does by itself is in the contract.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import type { RedisLimiter } from "../../../../src/proxy/limits/redis/redis-limiter.ts"
import { type Asking, answer, asking, granted, told, tooManyAnswer, want } from "../../../contract/limiter.ts"
import { type RedisLimiters, redisLimiters } from "../../../fixtures/redis-limiters.ts"
import { type RedisServer, startRedisServer } from "../../../fixtures/redis-server.ts"

const POST = "POST /channels/175928847299117063/messages"
const OTHER = "GET /users/@me"

let server: RedisServer
let shared: RedisLimiters
let one: RedisLimiter
let two: RedisLimiter
let askOne: Asking
let askTwo: Asking

beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())
beforeEach(async () => {
  shared = await redisLimiters(server)
  one = shared.start({ invalidLimit: 100 })
  two = shared.start({ invalidLimit: 100 })
  askOne = asking({ limiter: one })
  askTwo = asking({ limiter: two })
})
afterEach(() => shared.stop())

describe("instances that share Redis", () => {
  test("send one probe together, and share what its answer allows", async () => {
    const all = [askOne, askTwo].flatMap((ask) => Array.from({ length: 4 }, () => ask(want(POST))))
    await shared.pass(200)
    expect(granted(all)).toBe(1)
    all
      .find((asked) => asked.isGranted())
      ?.permit()
      .settle(told(4))
    await shared.pass(400)
    expect(granted(all)).toBe(5)
    await shared.pass(5_000)
    expect(granted(all)).toBe(6)
  })

  test("wake one another when an answer came", async () => {
    const first = askOne(want(POST))
    await shared.pass(50)
    const waiting = askTwo(want(POST))
    await shared.pass(50)
    first.permit().settle(told(4))
    await shared.quiet()
    expect(waiting.isGranted()).toBe(true)
  })

  test("take turns with a bucket's windows when all of them have requests for it", async () => {
    const served = { one: 0, two: 0 }
    for (let window = 0; window < 4; window += 1) {
      const asked = [askOne(want(POST)), askTwo(want(POST))] as const
      await shared.pass(200)
      const isOne = asked[0].isGranted()
      served[isOne ? "one" : "two"] += 1
      asked[isOne ? 0 : 1].permit().settle(told(0))
      await shared.pass(5_050)
      asked[isOne ? 1 : 0].permit().settle(told(0))
      served[isOne ? "two" : "one"] += 1
      await shared.pass(5_050)
    }
    expect(served).toEqual({ one: 4, two: 4 })
  })

  test("learn from one another which routes share a bucket", async () => {
    const get = "GET /channels/175928847299117063/pins"
    const put = "PUT /channels/175928847299117063/pins/290926798626357999"
    for (const [ask, line, remaining] of [[askOne, get, 2] as const, [askTwo, put, 1] as const]) {
      const asked = ask(want(line))
      await shared.pass(50)
      asked.permit().settle(told(remaining))
    }
    await shared.pass(50)
    const all = [askOne(want(get)), askOne(want(put)), askTwo(want(get)), askTwo(want(put))]
    await shared.pass(300)
    expect(granted(all)).toBe(1)
  })

  test("keep to one global limit", async () => {
    const lines = Array.from({ length: 60 }, (_, index) => `GET /channels/${175_928_847_299_117_000n + BigInt(index)}`)
    const all = lines.map((line, index) => (index % 2 === 0 ? askOne : askTwo)(want(line)))
    await shared.pass(500)
    expect(granted(all)).toBeWithin(20, 30)
    await shared.pass(480)
    expect(granted(all)).toBeWithin(45, 51)
  })

  test("hold back together after a global 429, a 401 and a ban", async () => {
    const first = askOne(want(OTHER))
    const bad = askOne(want(OTHER, { identity: "token-two" }))
    const banned = askOne(want(OTHER, { identity: "token-three" }))
    await shared.pass(50)
    first.permit().settle(tooManyAnswer(2, "global"))
    bad.permit().settle(answer(401))
    await shared.pass(50)
    const held = askTwo(want(POST))
    const refused = askTwo(want(POST, { identity: "token-two" }))
    await shared.pass(50)
    expect(held.isOver()).toBe(false)
    expect(refused.refusal().reason).toBe("token refused")
    banned.permit().settle(answer(429, { "retry-after": "30" }, "<html>banned</html>"))
    await shared.pass(50)
    expect(two.reading.bannedForMs).toBeGreaterThan(0)
  })

  test("hold a route back together whose hidden limit a 429 has shown to one of them", async () => {
    const first = askOne(want(POST))
    await shared.pass(50)
    first.permit().settle(tooManyAnswer(60, "shared"))
    const again = askTwo(want(POST))
    await shared.pass(30_000)
    expect(again.isOver()).toBe(false)
    await shared.pass(31_000)
    expect(again.isGranted()).toBe(true)
  })

  test("spend one budget of invalid requests", async () => {
    const fail = async (ask: Asking) => {
      const asked = ask(want("GET /channels/175928847299117063"))
      await shared.pass(100)
      if (asked.isGranted()) asked.permit().settle(answer(403))
    }
    for (let count = 0; count < 45; count += 1) {
      await fail(askOne)
      await fail(askTwo)
    }
    await shared.pass(3_000)
    expect(one.reading.invalidLeft).toBeWithin(15, 21)
    expect(two.reading.invalidLeft).toBe(one.reading.invalidLeft)
    const more = askTwo(want("GET /channels/175928847299117063"))
    await shared.pass(50)
    expect(more.refusal().reason).toBe("invalid budget")
  })
})

describe("permits of an instance", () => {
  test("that was killed come back when their lease is over: its probe lets another one probe", async () => {
    askOne(want(POST))
    await shared.pass(50)
    shared.cut(one)
    const next = askTwo(want(POST))
    await shared.pass(4_000)
    expect(next.isOver()).toBe(false)
    await shared.pass(2_500)
    expect(next.isGranted()).toBe(true)
  })

  test("that was killed count as used until their window ends, since they may have been sent", async () => {
    const first = askOne(want(POST))
    await shared.pass(50)
    first.permit().settle(told(2, { resetAfter: 20 }))
    const lost = [askOne(want(POST)), askOne(want(POST))]
    await shared.pass(100)
    expect(granted(lost)).toBe(2)
    shared.cut(one)
    const next = askTwo(want(POST))
    await shared.pass(15_000)
    expect(next.isOver()).toBe(false)
    await shared.pass(6_500)
    expect(next.isGranted()).toBe(true)
  })

  test("are renewed while a request takes long", async () => {
    const first = askOne(want(POST))
    await shared.pass(50)
    first.permit().settle(told(1, { resetAfter: 600 }))
    const upload = askOne(want(POST))
    await shared.pass(50)
    expect(upload.isGranted()).toBe(true)
    const next = askTwo(want(POST))
    await shared.pass(30_000)
    expect(next.isOver()).toBe(false)
    upload.permit().unsent()
    await shared.pass(50)
    expect(next.isGranted()).toBe(true)
  })
})

test("after a ban one request finds out whether it is over, then more and more go, whatever their tokens", async () => {
  const first = askOne(want(OTHER))
  await shared.pass(50)
  first.permit().settle(answer(429, { "retry-after": "3" }, "<html>banned</html>"))
  const all = Array.from({ length: 30 }, (_, index) => askOne(want(OTHER, { identity: `token-${index}` })))
  await shared.pass(2_900)
  expect(granted(all)).toBe(0)
  await shared.pass(500)
  expect(granted(all)).toBe(1)
  all
    .find((asked) => asked.isGranted())
    ?.permit()
    .settle(answer(200))
  await shared.pass(1_000)
  expect(granted(all)).toBeWithin(8, 13)
  await shared.pass(2_000)
  expect(granted(all)).toBe(30)
})

test("no key holds a token or stays for ever, and there are two for each route and channel at most", async () => {
  for (let channel = 0; channel < 20; channel += 1) {
    const asked = askOne(want(`GET /channels/${175_928_847_299_117_000n + BigInt(channel)}`))
    await shared.pass(40)
    asked.permit().settle(told(4))
  }
  await shared.pass(50)
  const keys = await shared.redis.keys("*")
  expect(keys.length).toBeWithin(20, 47)
  const lives = await Promise.all(keys.map((key) => shared.redis.pttl(key)))
  expect(lives.filter((lifeMs) => lifeMs < 0)).toEqual([])
  expect(keys.filter((key) => !key.startsWith("spectacles:limits:"))).toEqual([])
})

test("idle lanes are forgotten, and what Redis knows of them still holds", async () => {
  const asked = askOne(want(POST))
  await shared.pass(50)
  asked.permit().settle(told(0, { resetAfter: 600 }))
  await shared.pass(100)
  expect(one.reading.buckets).toBe(1)
  await shared.pass(70_000)
  expect(one.reading.buckets).toBe(0)
  const later = askOne(want(POST))
  await shared.pass(60_000)
  expect(later.isOver()).toBe(false)
})
