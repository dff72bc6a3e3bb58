// The bucket in Lua decides as the one in TypeScript does: the same random requests and answers go through both.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { Bucket, type Outcome, type Taken } from "../../../../src/proxy/limits/bucket.ts"
import { BUCKET_SCRIPT } from "../../../../src/proxy/limits/redis/bucket-script.ts"
import { type RedisServer, startRedisServer } from "../../../fixtures/redis-server.ts"
import { seeded } from "../../../gateway/simulation/random.ts"

const STEPS = 120
const SEEDS = 150

const RUN = `${BUCKET_SCRIPT}
local b, results = newBucket(), {}
for index, step in ipairs(cjson.decode(ARGV[1])) do
  expire(b, step.at)
  if step.o then
    settle(b, step, step.at)
  else
    local opens = opensAt(b, step.at, "me")
    if opens <= step.at then take(b, step.id, step.at, 0, "me") end
    results[#results + 1] = opens <= step.at and "go" or b.know == "window" and tostring(opens) or "wait"
  end
  results[#results + 1] = b.know == "window" and tostring(b.left) or "?"
end
return results`

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url, { protocol: 2 })
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

interface Step {
  readonly at: number
  readonly id: string
  readonly o?: Outcome["type"]
  readonly w?: { readonly limit: number; readonly left: number; readonly reset: number }
  readonly retry?: number
}

/** Random requests and their ends, and what the bucket in TypeScript makes of them. */
function play(seed: number): { readonly steps: readonly Step[]; readonly expected: readonly string[] } {
  const random = seeded(seed).next
  const below = (most: number) => Math.floor(random() * most)
  const bucket = new Bucket()
  const steps: Step[] = []
  const expected: string[] = []
  const flying: { readonly id: string; readonly taken: Taken; readonly sinceMs: number }[] = []
  const end = (at: number) => {
    const [flight] = flying.splice(below(flying.length), 1)
    if (flight === undefined) return
    const window = below(8) === 0 ? null : { limit: 5, remaining: below(5), resetAfterMs: below(3_000), hash: "abc" }
    const retryAfterMs = 100 + below(3_000)
    const kind = below(20)
    const outcome: Outcome =
      kind === 0
        ? { type: "limited", retryAfterMs }
        : kind === 1
          ? { type: "unsent" }
          : kind === 2
            ? { type: "unanswered" }
            : { type: "answered", window }
    bucket.settle(flight.taken, outcome, at)
    const isTold = outcome.type === "answered" && window !== null
    const w = isTold ? { limit: window.limit, left: window.remaining, reset: window.resetAfterMs } : null
    steps.push({ at, id: flight.id, o: outcome.type, retry: retryAfterMs, ...(w !== null && { w }) })
  }
  for (let at = 1_700_000_000_000; steps.length < STEPS; at += below(400)) {
    const oldest = Math.min(...flying.map(({ sinceMs }) => sinceMs))
    // Before leases run out, which only Redis has.
    if (flying.length > 0 && (below(2) === 0 || at - oldest > 2_000)) end(at)
    else {
      const opensAtMs = bucket.opensAtMs(at)
      const id = `${steps.length}`
      if (opensAtMs <= at) flying.push({ id, taken: bucket.take(at), sinceMs: at })
      steps.push({ at, id })
      expected.push(opensAtMs <= at ? "go" : bucket.remaining === null ? "wait" : String(opensAtMs))
    }
    expected.push(bucket.remaining === null ? "?" : String(bucket.remaining))
  }
  return { steps, expected }
}

test(`${SEEDS} random histories of a bucket are the same in Lua and in TypeScript`, async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { steps, expected } = play(seed)
    const got = await redis.eval(RUN, 0, JSON.stringify(steps))
    expect({ seed, got }).toEqual({ seed, got: [...expected] })
  }
})
