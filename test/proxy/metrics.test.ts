import { expect, test } from "bun:test"
import { join } from "node:path"
import { systemClock } from "../../src/flow/clock.ts"
import { Metrics } from "../../src/ops/metrics.ts"
import type { LimiterReading } from "../../src/proxy/limits/limiter.ts"
import { routeOf } from "../../src/proxy/limits/routes.ts"
import { ProxyMetrics } from "../../src/proxy/metrics.ts"

const DOCUMENT = join(import.meta.dir, "../../docs/proxy.md")
const READING: LimiterReading = {
  buckets: 3,
  queued: { callback: 0, high: 1, normal: 2, low: 0 },
  invalidLeft: 9_000,
  bannedForMs: 1_500,
  cutOffTokens: 1,
  limited: { user: 2, shared: 1, global: 0, ban: 0 },
}

test("requests are counted by route and status, unknown routes as one, however often they are scraped", async () => {
  const metrics = new Metrics()
  const proxy = new ProxyMetrics(metrics)
  metrics.onScrape(() => proxy.read(READING, 7))
  for (const path of ["/users/@me", "/users/@me", "/what/1", "/ever/2"])
    proxy.answered(routeOf("GET", path, systemClock), 200)
  await metrics.text()
  proxy.answered(routeOf("GET", "/users/@me", systemClock), 429)
  const text = await metrics.text()
  for (const line of [
    'proxy_requests_total{route="GET /users/@me",status="200"} 2',
    'proxy_requests_total{route="GET /users/@me",status="429"} 1',
    'proxy_requests_total{route="other",status="200"} 2',
    'proxy_upstream_429_total{scope="user"} 2',
    'proxy_waiting_requests{priority="normal"} 2',
    "proxy_banned_seconds 1.5",
    "proxy_upstream_in_flight 7",
  ]) {
    expect(text.split("\n")).toContain(line)
  }
})

test("every wait for Discord is in the histogram when it is scraped, and is counted once", async () => {
  const metrics = new Metrics()
  const proxy = new ProxyMetrics(metrics)
  metrics.onScrape(() => proxy.read(READING, 0))
  for (let count = 0; count < 3_000; count += 1) proxy.upstreamAnswered(30)
  expect(await metrics.text()).toContain('proxy_upstream_seconds_bucket{le="0.05"} 3000')
  proxy.upstreamAnswered(2_000)
  const text = await metrics.text()
  expect(text).toContain('proxy_upstream_seconds_bucket{le="1"} 3000')
  expect(text).toContain("proxy_upstream_seconds_count 3001")
})

test("docs/proxy.md lists every metric, with its type and labels, and no other", async () => {
  const metrics = new Metrics()
  new ProxyMetrics(metrics)
  const rows = (await Bun.file(DOCUMENT).text()).matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| ([^|]*)\|/gm)
  const documented = [...rows].map(([, name, type, labels = ""]) =>
    [name, type, ...(labels.match(/\w+/g) ?? [])].join(" "),
  )
  const described = metrics.describe().map(({ name, type, labels }) => [name, type, ...labels].join(" "))
  expect(documented.sort()).toEqual(described.sort())
})
