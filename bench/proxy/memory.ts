// How much memory does a known bucket take? 100,000 of them on 2,500 tokens, each with one answer. `bun bench/proxy/memory.ts`

import { systemClock } from "../../src/flow/clock.ts"
import { silentLogger } from "../../src/ops/log.ts"
import { digestOf } from "../../src/proxy/limits/digest.ts"
import { laneKeyOf } from "../../src/proxy/limits/lane-key.ts"
import { MemoryLimiter } from "../../src/proxy/limits/memory/memory-limiter.ts"
import { routeOf } from "../../src/proxy/limits/routes.ts"

const BUCKETS = 100_000
const TOKENS = 2_500
const FIRST_CHANNEL = 175_928_847_299_117_000n
const HEADERS = new Headers({
  "x-ratelimit-limit": "5",
  "x-ratelimit-remaining": "4",
  "x-ratelimit-reset-after": "60.000",
  "x-ratelimit-bucket": "80c17d2f203122d936070c88c8d10f33",
})

const bounds = { perBucket: 1_000, total: 10_000, idleMs: 3_600_000 }
const limiter = new MemoryLimiter({ clock: systemClock, log: silentLogger, bounds })
const never = new AbortController().signal
Bun.gc(true)
const before = process.memoryUsage()
for (let index = 0; index < BUCKETS; index += 1) {
  const identity = digestOf(`token ${index % TOKENS}`)
  const route = routeOf("GET", `/channels/${FIRST_CHANNEL + BigInt(index)}/messages`, systemClock)
  const permit = await limiter.acquire({
    identity,
    laneKey: laneKeyOf(identity, route.template, route.major),
    perSecond: () => 50,
    route,
    priority: "normal",
    deadlineMs: Number.POSITIVE_INFINITY,
    signal: () => never,
  })
  if (permit.type === "refused") throw new Error(permit.reason)
  permit.settle({ status: 200, headers: HEADERS, body: "" })
}
Bun.gc(true)
const after = process.memoryUsage()
console.log(
  JSON.stringify({
    buckets: limiter.reading.buckets,
    residentBytesEach: Math.round((after.rss - before.rss) / BUCKETS),
    heapBytesEach: Math.round((after.heapUsed - before.heapUsed) / BUCKETS),
  }),
)
limiter.close()
