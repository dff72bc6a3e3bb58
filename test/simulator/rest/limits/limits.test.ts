import { beforeEach, describe, expect, test } from "bun:test"
import { RestLimits, type Verdict } from "../../../../src/simulator/rest/limits/limits.ts"
import { FakeClock } from "../../../fixtures/fake-clock.ts"

const POST = "POST /channels/:channel/messages"
const DELETE = "DELETE /channels/:channel/messages/:message"
const RENAME = "PATCH /channels/:channel"
const EMOJI = "POST /guilds/:guild/emojis"
const SLIDING = "GET /guilds/:guild/members"
const DISCORD_EPOCH_MS = 1_420_070_400_000

let clock: FakeClock
let limits: RestLimits

beforeEach(() => {
  clock = new FakeClock()
  limits = new RestLimits([POST, DELETE, RENAME, EMOJI, SLIDING], clock)
})

interface Asked {
  readonly route?: string
  readonly major?: string
  readonly owner?: string
  readonly interaction?: boolean
  readonly messageId?: string
  readonly body?: unknown
}

function take({ route = POST, major = "1", owner = "a", interaction = false, messageId, body }: Asked = {}): Verdict {
  return limits.take({ route, major, owner, interaction, messageId: () => messageId, body: () => body })
}

function takeMany(count: number, asked: Asked = {}): string {
  return Array.from({ length: count }, () => {
    const verdict = take(asked)
    return verdict.type === "pass" ? "." : verdict.scope[0]
  }).join("")
}

function header({ headers }: Verdict, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)\r$`, "m").exec(headers)?.[1]
}

function messageOfAge(ageMs: number): string {
  return (BigInt(clock.wallMs() - ageMs - DISCORD_EPOCH_MS) << 22n).toString()
}

describe("a bucket", () => {
  test("lets its limit through, refuses the next, and is full again at the end of its window", () => {
    expect(takeMany(6)).toBe(".....u")
    clock.advance(4_999)
    expect(takeMany(1)).toBe("u")
    clock.advance(1)
    expect(takeMany(6)).toBe(".....u")
  })

  test("shows limit, remaining, reset in decimals, and a hash", () => {
    take()
    clock.advance(1_234.5)
    const verdict = take()
    expect(header(verdict, "X-RateLimit-Limit")).toBe("5")
    expect(header(verdict, "X-RateLimit-Remaining")).toBe("3")
    expect(header(verdict, "X-RateLimit-Reset-After")).toBe("3.766")
    expect(header(verdict, "X-RateLimit-Reset")).toBe(`${(1_700_000_001_235 + 3_766) / 1_000}`)
    expect(header(verdict, "X-RateLimit-Bucket")).toMatch(/^[0-9a-f]{32}$/)
    expect(header(verdict, "X-RateLimit-Scope")).toBeUndefined()
  })

  test("is one for each major parameter and token, under one hash that names neither", () => {
    expect(takeMany(6, { major: "1" })).toBe(".....u")
    expect(takeMany(6, { major: "2" })).toBe(".....u")
    expect(takeMany(6, { owner: "b" })).toBe(".....u")
    expect(header(take({ major: "3" }), "X-RateLimit-Bucket")).toBe(header(take({ owner: "c" }), "X-RateLimit-Bucket"))
  })

  test("that slides gives back one request after the other", () => {
    for (let n = 0; n < 10; n++) {
      expect(takeMany(1, { route: SLIDING })).toBe(".")
      clock.advance(100)
    }
    const refused = take({ route: SLIDING })
    expect(header(refused, "X-RateLimit-Reset-After")).toBe("9.000")
    clock.advance(9_000)
    expect(takeMany(2, { route: SLIDING })).toBe(".u")
    clock.advance(100)
    expect(takeMany(2, { route: SLIDING })).toBe(".u")
  })
})

describe("a 429", () => {
  test("of a bucket carries its headers, the scope user and the wait, rounded up", () => {
    takeMany(5)
    clock.advance(3_000.4)
    const refused = take()
    expect(refused).toMatchObject({ type: "refuse", scope: "user" })
    expect(header(refused, "Retry-After")).toBe("2")
    expect(header(refused, "X-RateLimit-Remaining")).toBe("0")
    expect(header(refused, "X-RateLimit-Scope")).toBe("user")
    expect(refused.type === "refuse" && JSON.parse(refused.body)).toEqual({
      message: "You are being rate limited.",
      retry_after: 2,
      global: false,
    })
  })

  test("of the global limit carries no bucket", () => {
    for (let n = 0; n < 50; n++) expect(take({ major: String(n) }).type).toBe("pass")
    clock.advance(400)
    const refused = take({ major: "50" })
    expect(refused.headers).toBe("Retry-After: 1\r\nX-RateLimit-Scope: global\r\nX-RateLimit-Global: true\r\n")
    expect(refused.type === "refuse" && JSON.parse(refused.body)).toMatchObject({ global: true, retry_after: 0.6 })
    expect(takeMany(1, { owner: "b" })).toBe(".")
    clock.advance(600)
    expect(takeMany(1)).toBe(".")
  })

  test("of a shared resource leaves the bucket as it is", () => {
    limits.shared.hold({ route: POST, major: "1" }, clock.nowMs() + 60_000)
    const refused = take()
    expect(refused).toMatchObject({ type: "refuse", scope: "shared" })
    expect(header(refused, "X-RateLimit-Remaining")).toBe("5")
    expect(header(refused, "Retry-After")).toBe("60")
    expect(takeMany(1, { major: "2" })).toBe(".")
    clock.advance(60_000)
    expect(takeMany(1)).toBe(".")
  })
})

test("interactions are outside the global limit", () => {
  for (let n = 0; n < 120; n++) expect(take({ major: String(n), interaction: true }).type).toBe("pass")
})

test("a global limit that slides refuses what a fixed window would let through", () => {
  limits.change({ global: { kind: "sliding" }, rules: { "*": { limit: 1_000, windowMs: 1_000 } } })
  expect(takeMany(25)).not.toContain("g")
  clock.advance(900)
  expect(takeMany(25)).not.toContain("g")
  clock.advance(100)
  expect(takeMany(26)).toBe(`${".".repeat(25)}g`)
})

test("a channel's name can be changed twice in ten minutes, while the headers show the channel's bucket", () => {
  const rename = { route: RENAME, body: { name: "new" } }
  expect(takeMany(2, rename)).toBe("..")
  const refused = take(rename)
  expect(refused).toMatchObject({ type: "refuse", scope: "shared" })
  expect(header(refused, "X-RateLimit-Limit")).toBe("5")
  expect(header(refused, "X-RateLimit-Remaining")).toBe("3")
  expect(header(refused, "Retry-After")).toBe("600")
  expect(refused.type === "refuse" && JSON.parse(refused.body)).toMatchObject({ retry_after: 600, code: 20_028 })
  expect(takeMany(3, { route: RENAME, body: { position: 1 } })).toBe("...")
  expect(takeMany(1, { route: RENAME, body: { topic: "t" }, major: "2" })).toBe(".")
  clock.advance(600_000)
  expect(takeMany(1, rename)).toBe(".")
})

test("messages that are new, recent or old have delete limits of their own under one hash", () => {
  const deleting = (ageMs: number) => ({ route: DELETE, messageId: messageOfAge(ageMs) })
  expect(takeMany(4, deleting(1_000))).toBe("...u")
  expect(takeMany(6, deleting(3_600_000))).toBe(".....u")
  clock.advance(1_000)
  expect(takeMany(31, deleting(15 * 86_400_000))).toBe(`${".".repeat(30)}u`)
  clock.advance(1_000)
  const [fresh, old] = [take(deleting(0)), take({ ...deleting(15 * 86_400_000), major: "2" })]
  expect(header(fresh, "X-RateLimit-Bucket")).toBe(header(old, "X-RateLimit-Bucket"))
  expect([header(fresh, "X-RateLimit-Limit"), header(old, "X-RateLimit-Limit")]).toEqual(["3", "30"])
})

test("a route without headers is limited all the same", () => {
  expect(take({ route: EMOJI }).headers).toBe("")
  for (let n = 1; n < 50; n++) {
    clock.advance(1_000)
    take({ route: EMOJI })
  }
  const refused = take({ route: EMOJI })
  expect(refused.headers).not.toContain("X-RateLimit-Bucket")
  expect(header(refused, "Retry-After")).toBe(String(3_600 - 49))
})

describe("settings", () => {
  test("switch all limits off", () => {
    limits.change({ enforced: false })
    expect(takeMany(100)).toBe(".".repeat(100))
    expect(take().headers).toBe("")
  })

  test("change one route or every one, what is hidden inside too", () => {
    limits.change({ global: { limit: 1_000 }, rules: { "*": { limit: 7 }, [POST]: { headers: "exhausted" } } })
    expect(takeMany(8)).toBe(".......u")
    expect(header(take({ major: "2" }), "X-RateLimit-Remaining")).toBe("0")
    expect(takeMany(8, { route: RENAME, body: { name: "n" } })).toBe(".......u")
    expect(takeMany(8, { route: DELETE, messageId: messageOfAge(0) })).toBe(".......u")
  })

  test("change what is hidden inside a route by itself", () => {
    limits.change({ rules: { [`${RENAME} (name)`]: { limit: 1, windowMs: 1_000 } } })
    expect(takeMany(2, { route: RENAME, body: { name: "n" } })).toBe(".s")
    expect(takeMany(1, { route: RENAME, body: { topic: "t" } })).toBe(".")
  })

  test("refuse a route that does not exist", () => {
    expect(() => limits.change({ rules: { "GET /nothing": { limit: 1 } } })).toThrow(
      'Cannot limit "GET /nothing": there is no such route; "GET /channels/:channel" is one.',
    )
  })
})

describe("what the limits would have allowed", () => {
  test("is the windows of the buckets that were used", () => {
    take({ major: "1" })
    take({ major: "2" })
    expect(limits.allowed()).toBe(10)
    clock.advance(30_000)
    expect(limits.allowed()).toBe(60)
  })

  test("is no more than the global limit gives each token", () => {
    limits.change({ rules: { "*": { limit: 100, windowMs: 1_000 } } })
    for (const owner of ["a", "b"]) take({ owner })
    clock.advance(1_500)
    expect(limits.allowed()).toBe(200)
  })
})
