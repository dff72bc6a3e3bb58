import { describe, expect, test } from "bun:test"
import { silentLogger } from "../../../src/ops/log.ts"
import type {
  Answer,
  Limiter,
  LimiterReading,
  LimitRequest,
  Permit,
  Refusal,
} from "../../../src/proxy/limits/limiter.ts"
import { globalLimits, ProxyRequest } from "../../../src/proxy/proxy-request.ts"
import { Upstream } from "../../../src/proxy/upstream/upstream.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

type Outcome = number | "unsent" | "unanswered"

/** A limiter that lets everything through and remembers what it heard. */
class OpenLimiter implements Limiter {
  readonly asked: { readonly isRepeat: boolean }[] = []
  readonly outcomes: Outcome[] = []
  readonly reading: LimiterReading = {
    buckets: 0,
    queued: { callback: 0, high: 0, normal: 0, low: 0 },
    invalidLeft: 0,
    bannedForMs: 0,
    cutOffTokens: 0,
    limited: { user: 0, shared: 0, global: 0, ban: 0 },
  }

  describe(): unknown {
    return null
  }

  close(): void {}

  acquire(request: LimitRequest): Permit | Refusal {
    this.asked.push({ isRepeat: request.isRepeat === true })
    const end = (outcome: Outcome) => void this.outcomes.push(outcome)
    return {
      type: "granted",
      queuedMs: 0,
      takenMs: 0,
      settle: ({ status }: Answer) => {
        end(status)
        return status === 429 ? "retry" : "final"
      },
      unsent: () => end("unsent"),
      unanswered: () => end("unanswered"),
    }
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** Sends one request to a Discord that answers like this, one after another. */
async function send(
  method: string,
  answers: readonly (number | string)[],
  body: Uint8Array<ArrayBuffer> | null = null,
) {
  const clock = new FakeClock()
  const limiter = new OpenLimiter()
  const events: string[] = []
  let sent = 0
  const upstream = new Upstream({
    origin: "https://discord.com",
    limiter,
    clock,
    log: silentLogger,
    random: () => 0,
    fetch: () => {
      const answer = answers[Math.min(sent, answers.length - 1)] ?? 200
      sent += 1
      return typeof answer === "string"
        ? Promise.reject(failure(answer))
        : Promise.resolve(new Response("{}", { status: answer }))
    },
    on: {
      waited: () => {},
      upstreamAnswered: () => void events.push("answered"),
      repeated: (reason) => void events.push(reason),
    },
  })
  const request = new ProxyRequest(
    {
      method,
      target: { path: "/gateway", upstream: "/api/v10/gateway" },
      headers: new Headers(),
      body,
      priority: "normal",
      deadlineMs: Number.POSITIVE_INFINITY,
      door: { signal: () => new AbortController().signal },
    },
    globalLimits(50, new Map()),
    clock,
  )
  const result = upstream.send(request)
  let isOver = false
  void result.then(() => {
    isOver = true
  })
  for (let turn = 0; turn < 1_000 && !isOver; turn += 1) {
    clock.advance(1_000)
    // A body is read over several turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { status } = await result
  return { status, sent, asked: limiter.asked, outcomes: limiter.outcomes, events, inFlight: upstream.inFlight }
}

const BODY = new Uint8Array([1, 2, 3])

describe("a request to Discord", () => {
  test("is settled once for each sending, and leaves nothing in flight", async () => {
    const { status, outcomes, events, inFlight } = await send("GET", [200])
    expect({ status, outcomes, events, inFlight }).toEqual({
      status: 200,
      outcomes: [200],
      events: ["answered"],
      inFlight: 0,
    })
  })

  test("keeps its place when it is sent again after a 429", async () => {
    const { status, asked, outcomes } = await send("POST", [429, 429, 200], BODY)
    expect(status).toBe(200)
    expect(asked).toEqual([{ isRepeat: false }, { isRepeat: true }, { isRepeat: true }])
    expect(outcomes).toEqual([429, 429, 200])
  })

  test("is sent ten times at most when each is answered with 429, and four times when each fails", async () => {
    expect(await send("POST", [429], BODY)).toMatchObject({ status: 429, sent: 10, inFlight: 0 })
    expect(await send("GET", [502])).toMatchObject({ status: 502, sent: 4, inFlight: 0 })
    expect(await send("GET", ["ECONNRESET"])).toMatchObject({ status: 502, sent: 4, inFlight: 0 })
  })

  test("gives its permit back when nothing was sent, and may then go again whatever its method", async () => {
    const { status, outcomes, sent } = await send("POST", ["ECONNREFUSED", 200], BODY)
    expect([status, sent, ...outcomes]).toEqual([200, 2, "unsent", 200])
  })

  test("that may have been executed is not sent again unless its method is idempotent", async () => {
    expect(await send("PATCH", ["ECONNRESET", 200], BODY)).toMatchObject({ status: 502, outcomes: ["unanswered"] })
    expect(await send("PUT", ["ECONNRESET", 200], BODY)).toMatchObject({ status: 200, outcomes: ["unanswered", 200] })
  })
})
