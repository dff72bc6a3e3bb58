// The proxy's metrics; docs/proxy.md explains each. What happens with every request is counted in plain numbers and handed
// over when Prometheus scrapes.

import type { Counter, Gauge } from "prom-client"
import type { Metrics } from "../ops/metrics.ts"
import type { PlainHistogram } from "../ops/plain-histogram.ts"
import { addProcessMetrics } from "../ops/process-metrics.ts"
import { LIMIT_SCOPES } from "./limits/limit-headers.ts"
import { type LimiterReading, PRIORITIES } from "./limits/limiter.ts"
import type { Route } from "./limits/routes.ts"

/** All routes that are no template of ours, in one: a label must not grow without end. */
const OTHER_ROUTE = "other"
const MS_PER_SECOND = 1_000
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const MAX_STATUS = 600

export class ProxyMetrics {
  readonly #requests: Counter<"route" | "status">
  readonly #queued: PlainHistogram
  readonly #upstream: PlainHistogram
  readonly #repeats: Counter<"reason">
  readonly #limited: Counter<"scope">
  readonly #buckets: Gauge
  readonly #waiting: Gauge<"priority">
  readonly #invalidLeft: Gauge
  readonly #banned: Gauge
  readonly #cutOff: Gauge
  readonly #inFlight: Gauge
  readonly #instances: Gauge
  readonly #alone: Gauge
  /** Counts by status for each route, since the last scrape. */
  readonly #counts = new Map<string, Uint32Array>()
  readonly #limitedBefore = new Map<string, number>()

  constructor(metrics: Metrics) {
    addProcessMetrics(metrics)
    this.#requests = metrics.counter({
      name: "proxy_requests_total",
      help: "Requests answered, by route and status, the proxy's own answers included.",
      labelNames: ["route", "status"],
    })
    this.#queued = metrics.plainHistogram({
      name: "proxy_queued_seconds",
      help: "Seconds that requests waited for a limit; those that did not wait are not counted.",
      buckets: SECONDS,
    })
    this.#upstream = metrics.plainHistogram({
      name: "proxy_upstream_seconds",
      help: "Seconds from sending a request to Discord to the head of its answer.",
      buckets: SECONDS,
    })
    this.#repeats = metrics.counter({
      name: "proxy_repeats_total",
      help: "Requests sent again, by reason.",
      labelNames: ["reason"],
    })
    this.#limited = metrics.counter({
      name: "proxy_upstream_429_total",
      help: "Answers of 429 from Discord, by scope.",
      labelNames: ["scope"],
    })
    this.#buckets = metrics.gauge({ name: "proxy_buckets", help: "Buckets that are known." })
    this.#waiting = metrics.gauge({
      name: "proxy_waiting_requests",
      help: "Requests that wait for a limit, by priority.",
      labelNames: ["priority"],
    })
    this.#invalidLeft = metrics.gauge({
      name: "proxy_invalid_requests_left",
      help: "Answers of 401, 403 and 429 that this IP address can still afford in these ten minutes.",
    })
    this.#banned = metrics.gauge({
      name: "proxy_banned_seconds",
      help: "Seconds until Cloudflare lets this IP address in again; 0 when it does.",
    })
    this.#cutOff = metrics.gauge({ name: "proxy_refused_tokens", help: "Tokens that Discord has refused lately." })
    this.#instances = metrics.gauge({
      name: "proxy_limits_instances",
      help: "Proxies that the limits are shared with, this one included; 1 where they are kept in memory.",
    })
    this.#alone = metrics.gauge({
      name: "proxy_limits_alone_seconds",
      help: "Seconds since Redis, which keeps the limits, was last reached; 0 while it answers.",
    })
    this.#inFlight = metrics.gauge({ name: "proxy_upstream_in_flight", help: "Requests that Discord is working on." })
  }

  /** @param asked null for what was no request that has a route. */
  answered(asked: Route | null, status: number): void {
    const route = asked?.known === true ? asked.template : OTHER_ROUTE
    let counts = this.#counts.get(route)
    if (counts === undefined) {
      counts = new Uint32Array(MAX_STATUS)
      this.#counts.set(route, counts)
    }
    counts[status] = (counts[status] ?? 0) + 1
  }

  waited(ms: number): void {
    this.#queued.observe(ms / MS_PER_SECOND)
  }

  upstreamAnswered(ms: number): void {
    this.#upstream.observe(ms / MS_PER_SECOND)
  }

  repeated(reason: string): void {
    this.#repeats.inc({ reason })
  }

  /** Takes over what a scrape has read: to be called from `Metrics.onScrape`. */
  read(limiter: LimiterReading, inFlight: number): void {
    for (const [route, counts] of this.#counts) {
      for (const [status, count] of counts.entries()) if (count > 0) this.#requests.inc({ route, status }, count)
    }
    this.#counts.clear()
    for (const scope of LIMIT_SCOPES) {
      this.#limited.inc({ scope }, limiter.limited[scope] - (this.#limitedBefore.get(scope) ?? 0))
      this.#limitedBefore.set(scope, limiter.limited[scope])
    }
    for (const priority of PRIORITIES) this.#waiting.set({ priority }, limiter.queued[priority])
    this.#buckets.set(limiter.buckets)
    this.#invalidLeft.set(limiter.invalidLeft)
    this.#banned.set(limiter.bannedForMs / MS_PER_SECOND)
    this.#cutOff.set(limiter.cutOffTokens)
    this.#inFlight.set(inFlight)
    const { sharing } = limiter
    this.#instances.set(sharing?.instances ?? 1)
    this.#alone.set(sharing?.type === "alone" ? sharing.sinceMs / MS_PER_SECOND : 0)
  }
}
