// The proxy service: opens its doors, passes requests to Discord through the limiter, and stops in order.
// Everything it works with is passed in.

import type { Broker } from "../brokers/broker.ts"
import { formatListenAddress } from "../config/listen-address.ts"
import type { ProxyConfig } from "../config/proxy-config.ts"
import { aborted } from "../flow/aborted.ts"
import type { Clock } from "../flow/clock.ts"
import { settlesWithin } from "../flow/deadline.ts"
import type { Readiness } from "../ops/health.ts"
import type { Logger } from "../ops/log.ts"
import { OperatorError } from "../ops/operator-error.ts"
import type { DoorOptions, Send } from "./door.ts"
import { type HttpDoor, openHttpDoor } from "./http/door.ts"
import { MAX_WAIT_MS } from "./limits/holds.ts"
import type { Limiter } from "./limits/limiter.ts"
import type { ProxyMetrics } from "./metrics.ts"
import { globalLimits } from "./proxy-request.ts"
import { RpcDoor, type RpcDoorOptions } from "./rpc/door.ts"
import { coalescing } from "./upstream/coalesce.ts"
import { Upstream } from "./upstream/upstream.ts"

/** Of the shutdown's time: for what is in flight; what waits for limits is answered after that. */
const DRAIN_SHARE = 0.8

export interface ProxyParts {
  readonly config: ProxyConfig
  readonly limiter: Limiter
  /** Where requests come from beside HTTP; null: from nowhere. */
  readonly broker: Broker | null
  readonly metrics: ProxyMetrics
  readonly log: Logger
  readonly clock: Clock
  readonly random: () => number
  readonly fetch: (url: string, init: BunFetchRequestInit) => Promise<Response>
}

export class RestProxy {
  readonly #parts: ProxyParts
  readonly #upstream: Upstream
  readonly #send: Send
  #door: HttpDoor | null = null
  #isStopping = false

  constructor(parts: ProxyParts) {
    this.#parts = parts
    const { config, limiter, metrics, clock, log, random, fetch } = parts
    this.#upstream = new Upstream({
      origin: originOf(config),
      limiter,
      clock,
      log,
      random,
      fetch,
      on: metrics,
    })
    const send: Send = (request) => this.#upstream.send(request)
    this.#send = config.coalesce ? coalescing(send) : send
  }

  /**
   * Runs until `signal` aborts, or the broker is over; then answers what it can within the shutdown's time.
   * @throws OperatorError when it cannot listen, or the broker will never work.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { config, clock, log, metrics, broker } = this.#parts
    const { discord, limits, http, timeoutMs = Number.POSITIVE_INFINITY } = config
    const { token } = discord
    const shared: DoorOptions = {
      apiVersion: discord.apiVersion,
      token: token === undefined ? null : () => token.reveal(),
      timeoutMs,
      globalLimits: globalLimits(limits.globalPerSecond, limits.botsPerSecond),
      clock,
      log,
      send: this.#send,
      answered: (route, status) => metrics.answered(route, status),
    }
    this.#door = openHttpDoor({ ...http, ...shared })
    const rpc = broker === null ? null : new RpcDoor({ ...shared, ...rpcOptions(config), broker })
    const address = formatListenAddress({ hostname: http.hostname, port: this.#door.port })
    log.info({ address, discord: discord.host }, "passing requests on")
    const stopping = new AbortController()
    try {
      await Promise.race([aborted(signal), failureOf(broker), rpc?.run(stopping.signal) ?? never()])
    } finally {
      stopping.abort()
      await this.#stop(this.#door, rpc)
    }
  }

  /** The port of the HTTP door; null while it is closed. */
  get port(): number | null {
    return this.#door?.port ?? null
  }

  get readiness(): Readiness {
    if (this.#door === null) return { ready: false, reason: "not listening yet" }
    if (this.#isStopping) return { ready: false, reason: "shutting down" }
    const { bannedForMs, sharing } = this.#parts.limiter.reading
    if (bannedForMs > 0) {
      return { ready: false, reason: `Cloudflare refuses this IP address for ${Math.ceil(bannedForMs / 1_000)} s more` }
    }
    // Requests are passed on all the same, and without Redis the other proxies are no better off.
    if (sharing?.type === "alone") {
      return { ready: true, note: `Redis does not answer: limits are kept at one part in ${sharing.instances} each` }
    }
    return { ready: true }
  }

  /** Requests that Discord is working on. */
  get inFlight(): number {
    return this.#upstream.inFlight
  }

  /** Stops accepting, lets what is on its way finish, refuses the rest, and lets go of the connections. */
  async #stop(door: HttpDoor, rpc: RpcDoor | null): Promise<void> {
    const { config, clock, limiter, broker, log } = this.#parts
    this.#isStopping = true
    const finished = Promise.all([door.finish(), rpc?.finish()])
    const drainMs = config.shutdownTimeoutMs * DRAIN_SHARE
    if (!(await settlesWithin(clock, drainMs, finished))) {
      const requests = door.pending + (rpc?.pending ?? 0)
      log.warn({ requests }, "not every request could be finished in time: those that wait are refused")
    }
    limiter.close()
    const restMs = (config.shutdownTimeoutMs - drainMs) / 2
    await settlesWithin(clock, restMs, finished)
    await settlesWithin(clock, restMs, Promise.all([door.stop(), broker?.close({ drainWithinMs: restMs })]))
  }
}

function originOf({ discord }: ProxyConfig): string {
  return `${discord.scheme}://${discord.host}`
}

function rpcOptions(config: ProxyConfig): Pick<RpcDoorOptions, "event" | "origin" | "longestMs"> {
  const { broker, timeoutMs = MAX_WAIT_MS } = config
  // AMQP knows by the connection that a proxy is gone; on Redis whatever takes longer counts as a dead one's.
  const longestMs = broker?.type === "redis" ? timeoutMs : Number.POSITIVE_INFINITY
  return { event: broker?.event ?? "", origin: originOf(config), longestMs }
}

/** Rejects when the broker will never work again. */
async function failureOf(broker: Broker | null): Promise<void> {
  const end = await (broker?.ended ?? never())
  if (end.type === "failed") throw new OperatorError(end.error.message, { cause: end.error })
}

function never(): Promise<never> {
  return new Promise(() => {})
}
