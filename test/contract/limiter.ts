// What every limiter must do, whoever keeps its state. Run by an adapter's test with a harness of its own.

import { describe, expect, test } from "bun:test"
import { laneKeyOf } from "../../src/proxy/limits/lane-key.ts"
import type { Answer, Limiter, LimitRequest, Permit, Refusal } from "../../src/proxy/limits/limiter.ts"
import { routeOf } from "../../src/proxy/limits/routes.ts"

export interface LimiterHarness {
  readonly limiter: Limiter
  nowMs(): number
  /** Lets time pass, and whatever happens meanwhile happen. */
  pass(ms: number): Promise<void>
  stop(): Promise<void>
}

export interface LimiterBoundsForTest {
  readonly perBucket: number
  readonly total: number
  readonly invalidLimit: number
}

const CHANNEL = "175928847299117063"
const OTHER_CHANNEL = "290926798626357999"
const WALL_MS = Date.parse("2026-08-01T00:00:00Z")

export function want(line: string, extras: Partial<LimitRequest> = {}): LimitRequest {
  const [method = "", path = ""] = line.split(" ")
  const { identity = "token-one" } = extras
  const route = routeOf(method, path, { wallMs: () => WALL_MS })
  return {
    identity,
    laneKey: laneKeyOf(identity, route.template, route.major),
    perSecond: () => 50,
    route,
    priority: "normal",
    deadlineMs: Number.POSITIVE_INFINITY,
    signal: () => new AbortController().signal,
    ...extras,
  }
}

const POST = `POST /channels/${CHANNEL}/messages`

export function answer(status: number, headers: Record<string, string> = {}, body = ""): Answer {
  return { status, headers: new Headers(headers), body }
}

export function told(remaining: number, { resetAfter = 5, limit = 5, hash = "abc", status = 200 } = {}): Answer {
  return answer(status, {
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset-after": String(resetAfter),
    "x-ratelimit-bucket": hash,
  })
}

export function tooManyAnswer(retryAfter: number, scope: string, headers: Record<string, string> = {}): Answer {
  const body = JSON.stringify({ message: "slow down", retry_after: retryAfter, global: scope === "global" })
  const all = { via: "1.1 google", "retry-after": String(retryAfter), "x-ratelimit-scope": scope, ...headers }
  return answer(429, all, body)
}

export function limiterContract(
  name: string,
  start: (bounds?: Partial<LimiterBoundsForTest>) => Promise<LimiterHarness>,
) {
  const using = (
    title: string,
    run: (harness: LimiterHarness, ask: Asking) => Promise<void>,
    bounds: Partial<LimiterBoundsForTest> = {},
  ) =>
    test(title, async () => {
      const harness = await start(bounds)
      try {
        await run(harness, asking(harness))
      } finally {
        await harness.stop()
      }
    })

  describe(`${name} limiter`, () => {
    using("lets one probe through, then all that its answer allows", async ({ pass }, ask) => {
      const all = Array.from({ length: 8 }, () => ask(want(POST)))
      await pass(100)
      expect(granted(all)).toBe(1)
      all[0]?.permit().settle(told(4))
      await pass(300)
      expect(granted(all)).toBe(5)
      await pass(5_100)
      expect(granted(all)).toBe(6)
    })

    using("keeps tokens and channels apart", async ({ pass }, ask) => {
      const one = ask(want(POST))
      const otherToken = ask(want(POST, { identity: "token-two" }))
      const otherChannel = ask(want(`POST /channels/${OTHER_CHANNEL}/messages`))
      await pass(100)
      expect(granted([one, otherToken, otherChannel])).toBe(3)
    })

    using("holds routes of one hash to their one limit", async ({ pass }, ask) => {
      const get = `GET /channels/${CHANNEL}/pins`
      const put = `PUT /channels/${CHANNEL}/pins/${OTHER_CHANNEL}`
      for (const [line, remaining] of [[get, 4] as const, [put, 3] as const]) {
        const first = ask(want(line))
        await pass(50)
        first.permit().settle(told(remaining))
      }
      const all = Array.from({ length: 6 }, (_, index) => ask(want(index % 2 === 0 ? get : put)))
      await pass(400)
      expect(granted(all)).toBe(3)
    })

    using("does not hold routes of one hash together whose limits differ", async ({ pass }, ask) => {
      const get = ask(want(`GET /channels/${CHANNEL}`))
      const patch = ask(want(`PATCH /channels/${CHANNEL}`))
      await pass(100)
      get.permit().settle(told(4, { limit: 5 }))
      patch.permit().settle(told(0, { limit: 2, resetAfter: 600 }))
      const more = ask(want(`GET /channels/${CHANNEL}`))
      await pass(100)
      expect(more.isGranted()).toBe(true)
    })

    using("waits out a user's 429, and lets the request go again", async ({ pass }, ask) => {
      const one = ask(want(POST))
      await pass(50)
      expect(one.permit().settle(tooManyAnswer(2, "user"))).toBe("retry")
      const again = ask(want(POST))
      await pass(1_500)
      expect(again.isGranted()).toBe(false)
      await pass(800)
      expect(again.isGranted()).toBe(true)
    })

    using("lets a request that got a 429 go before those that came after it", async ({ pass }, ask) => {
      const one = ask(want(POST))
      await pass(50)
      const later = ask(want(POST))
      one.permit().settle(tooManyAnswer(1, "user"))
      const again = ask(want(POST, { isRepeat: true }))
      await pass(1_300)
      expect([again.isGranted(), later.isGranted()]).toEqual([true, false])
    })

    using("holds only the route back whose hidden limit a 429 has shown", async ({ pass }, ask) => {
      const patch = ask(want(`PATCH /channels/${CHANNEL}`))
      const get = ask(want(`DELETE /channels/${CHANNEL}`))
      await pass(50)
      get.permit().settle(told(4))
      patch.permit().settle(
        tooManyAnswer(600, "user", {
          "x-ratelimit-limit": "5",
          "x-ratelimit-remaining": "3",
          "x-ratelimit-reset-after": "5",
          "x-ratelimit-bucket": "abc",
        }),
      )
      const [again, other] = [ask(want(`PATCH /channels/${CHANNEL}`)), ask(want(`DELETE /channels/${CHANNEL}`))]
      await pass(1_000)
      expect(other.isGranted()).toBe(true)
      expect(again.isGranted()).toBe(false)
    })

    using("stops all of a token's routes, and nobody else's, at a global 429", async ({ pass }, ask) => {
      const one = ask(want(POST))
      await pass(50)
      one.permit().settle(tooManyAnswer(2, "global"))
      const own = ask(want("GET /users/@me"))
      const others = ask(want("GET /users/@me", { identity: "token-two" }))
      const callback = ask(want(`POST /interactions/${CHANNEL}/token/callback`))
      await pass(1_000)
      expect([own.isGranted(), others.isGranted(), callback.isGranted()]).toEqual([false, true, true])
      await pass(1_300)
      expect(own.isGranted()).toBe(true)
    })

    using("stops everything at a ban of the IP address", async ({ pass, limiter }, ask) => {
      const one = ask(want(POST))
      await pass(50)
      one.permit().settle(answer(429, { "retry-after": "3" }, "<html>banned</html>"))
      const others = ask(want("GET /users/@me", { identity: "token-two" }))
      const callback = ask(want(`POST /interactions/${CHANNEL}/token/callback`))
      await pass(1_000)
      expect(granted([others, callback])).toBe(0)
      expect(limiter.reading.bannedForMs).toBeGreaterThan(0)
      await pass(2_500)
      expect(limiter.reading.bannedForMs).toBe(0)
      // One goes and finds out; after its answer the others may.
      const probe = [others, callback].find((one) => one.isGranted())
      probe?.permit().settle(answer(200))
      await pass(1_000)
      expect(granted([others, callback])).toBe(2)
    })

    using("cuts off a token that Discord refuses, and no other", async ({ pass }, ask) => {
      const first = ask(want("GET /users/@me"))
      await pass(50)
      const waiting = ask(want("GET /users/@me"))
      first.permit().settle(answer(401))
      const next = ask(want(POST))
      const other = ask(want(POST, { identity: "token-two" }))
      await pass(50)
      expect(waiting.refusal().reason).toBe("token refused")
      expect(next.refusal().reason).toBe("token refused")
      expect(other.isGranted()).toBe(true)
      await pass(61_000)
      const later = ask(want("GET /users/@me"))
      await pass(50)
      expect(later.isGranted()).toBe(true)
    })

    using("asks no more for a webhook that is gone, and for another one still", async ({ pass }, ask) => {
      const one = ask(want(`POST /webhooks/${CHANNEL}/secret`))
      await pass(50)
      one.permit().settle(answer(404, {}, '{"message": "Unknown Webhook", "code": 10015}'))
      const again = ask(want(`POST /webhooks/${CHANNEL}/secret`))
      const other = ask(want(`POST /webhooks/${CHANNEL}/another`))
      await pass(50)
      expect(again.refusal().reason).toBe("webhook gone")
      expect(other.isGranted()).toBe(true)
    })

    using(
      "answers routes that keep failing itself, near the bound on invalid requests",
      async ({ pass }, ask) => {
        const bad = `GET /channels/${CHANNEL}`
        const good = ask(want("GET /users/@me"))
        await pass(50)
        good.permit().settle(answer(200))
        for (let count = 0; count < 9; count += 1) {
          const one = ask(want(bad))
          await pass(100)
          if (one.isGranted()) one.permit().settle(answer(403))
        }
        const [badAgain, goodAgain] = [ask(want(bad)), ask(want("GET /users/@me"))]
        await pass(100)
        expect(badAgain.refusal().reason).toBe("invalid budget")
        expect(goodAgain.isGranted()).toBe(true)
      },
      { invalidLimit: 10 },
    )

    using("lets callbacks go first, then high, normal and low", async ({ pass }, ask) => {
      const first = ask(want(POST))
      await pass(50)
      const low = ask(want(POST, { priority: "low" }))
      const normal = ask(want(POST))
      const high = ask(want(POST, { priority: "high" }))
      first.permit().settle(told(1))
      await pass(300)
      expect([high.isGranted(), normal.isGranted(), low.isGranted()]).toEqual([true, false, false])
    })

    using("refuses at once what cannot make its deadline, and says when to come back", async ({ pass, nowMs }, ask) => {
      const first = ask(want(POST))
      await pass(50)
      first.permit().settle(told(0))
      const one = ask(want(POST, { deadlineMs: nowMs() + 1_000 }))
      await pass(10)
      expect(one.refusal().reason).toBe("deadline")
      expect(one.refusal().retryAfterMs).toBeWithin(4_500, 5_200)
    })

    using("refuses at its deadline what still waits then", async ({ pass, nowMs }, ask) => {
      ask(want(POST))
      await pass(50)
      const one = ask(want(POST, { deadlineMs: nowMs() + 1_000 }))
      await pass(900)
      expect(one.isOver()).toBe(false)
      await pass(300)
      expect(one.refusal().reason).toBe("deadline")
    })

    using("frees the place of a client that left", async ({ pass, limiter }, ask) => {
      ask(want(POST))
      const client = new AbortController()
      const one = ask(want(POST, { signal: () => client.signal }))
      await pass(10)
      expect(limiter.reading.queued.normal).toBe(1)
      client.abort()
      await pass(10)
      expect(one.refusal().reason).toBe("client left")
      expect(limiter.reading.queued.normal).toBe(0)
    })

    using(
      "refuses what exceeds its bounds, for one bucket and in all",
      async ({ pass }, ask) => {
        ask(want(POST))
        ask(want("GET /users/@me"))
        await pass(50)
        const all = Array.from({ length: 3 }, () => ask(want(POST)))
        const over = ask(want("GET /users/@me"))
        const tooMuch = ask(want("GET /users/@me"))
        await pass(50)
        expect(all[2]?.refusal().reason).toBe("bucket queue full")
        expect(over.isOver()).toBe(false)
        expect(tooMuch.refusal().reason).toBe("queue full")
      },
      { perBucket: 2, total: 3 },
    )

    using(
      "lets through what need not wait, callbacks and others, while as many wait as may",
      async ({ pass }, ask) => {
        const first = ask(want(POST))
        await pass(50)
        const waiting = ask(want(POST))
        await pass(50)
        const callback = ask(want(`POST /interactions/${CHANNEL}/token/callback`))
        const other = ask(want("GET /users/@me"))
        await pass(50)
        expect([first, waiting, callback, other].map((one) => one.isGranted())).toEqual([true, false, true, true])
      },
      { perBucket: 1, total: 1 },
    )

    using("gives a permit back that was not used", async ({ pass }, ask) => {
      const [one, two] = [ask(want(POST)), ask(want(POST))]
      await pass(50)
      one.permit().unsent()
      await pass(50)
      expect(two.isGranted()).toBe(true)
    })

    using("refuses what waits when it is closed, and what comes", async ({ pass, limiter }, ask) => {
      const [, waiting] = [ask(want(POST)), ask(want(POST))]
      await pass(50)
      limiter.close()
      const late = ask(want("GET /users/@me"))
      await pass(50)
      expect([waiting?.refusal().reason, late.refusal().reason]).toEqual(["stopping", "stopping"])
    })

    using("says why requests wait, without a token", async ({ pass, limiter }, ask) => {
      ask(want(POST))
      ask(want(POST))
      await pass(50)
      expect(limiter.describe()).toMatchObject({
        waiting: [{ route: "POST /channels/:channel/messages", major: CHANNEL, queue: 1, inFlight: 1 }],
      })
    })
  })
}

export type Asking = (request: LimitRequest) => Asked

export interface Asked {
  isGranted(): boolean
  isOver(): boolean
  permit(): Permit
  refusal(): Refusal
}

export function asking({ limiter }: { readonly limiter: Limiter }): Asking {
  return (request) => {
    let outcome: Permit | Refusal | undefined
    void Promise.resolve(limiter.acquire(request)).then((value) => {
      outcome = value
    })
    return {
      isGranted: () => outcome?.type === "granted",
      isOver: () => outcome !== undefined,
      permit() {
        if (outcome?.type !== "granted") throw new Error(`not granted: ${JSON.stringify(outcome)}`)
        return outcome
      },
      refusal() {
        if (outcome?.type !== "refused") throw new Error(`not refused: ${outcome?.type}`)
        return outcome
      },
    }
  }
}

export function granted(all: readonly Asked[]): number {
  return all.filter((one) => one.isGranted()).length
}
