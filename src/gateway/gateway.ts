// The gateway service: asks Discord how to connect, runs the shards, takes packets from the broker, and stops in order.
// Everything it works with is passed in.

import type { Broker, BrokerEnd } from "../brokers/broker.ts"
import type { Codec } from "../codec/codec.ts"
import { DEFAULT_DECODER_LIMITS } from "../codec/decoder.ts"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { EVENT_INTENTS } from "../discord/events.ts"
import type { Compression } from "../discord/gateway-url.ts"
import { aborted } from "../flow/aborted.ts"
import { backoffMs } from "../flow/backoff.ts"
import { type Clock, sleep } from "../flow/clock.ts"
import { settlesWithin } from "../flow/deadline.ts"
import type { GatewayMetrics, GatewayReading } from "../ops/gateway-metrics.ts"
import type { Readiness } from "../ops/health.ts"
import type { Logger } from "../ops/log.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { DEFAULT_DELIVERY_LIMITS } from "./delivery.ts"
import { Fleet } from "./fleet.ts"
import { fetchGatewayBot, type GatewayBot, GatewayBotUnavailableError } from "./gateway-bot.ts"
import type { IdentifyQueue, IdentifyQueueOptions } from "./identify/identify-queue.ts"
import { memoryIdentifyQueue } from "./identify/memory-queue.ts"
import { consumeSends } from "./sends/consumer.ts"
import { SessionSaver } from "./sessions/saver.ts"
import type { SessionStore } from "./sessions/session.ts"
import { planShards, type ShardPlan } from "./shard-plan.ts"
import type { UnitEvents } from "./shard-unit.ts"
import type { Dial } from "./socket.ts"
import type { SteeredNode } from "./steering/node.ts"
import { steeredGateway } from "./steering/steered-gateway.ts"

const ASK_BACKOFF = { baseMs: 1_000, capMs: 60_000 } as const
/** How the shutdown's time is shared: for confirms, for the last sessions, for letting go of the broker. */
const SHUTDOWN_SHARES = { drain: 0.6, save: 0.2, close: 0.2 } as const

export interface GatewayParts {
  readonly config: GatewayConfig
  readonly codec: Codec
  readonly broker: Broker
  readonly store: SessionStore
  readonly metrics: GatewayMetrics
  readonly log: Logger
  readonly clock: Clock
  readonly random: () => number
  /** `setImmediate`. */
  readonly soon: (run: () => void) => void
  readonly dial: Dial
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** What this process is called among those of the bot. */
  readonly node?: string
  /** Who gives identify slots; without it, this process to its own shards. */
  readonly identifyQueue?: (options: IdentifyQueueOptions) => IdentifyQueue
}

/**
 * How a run ended. `stopped`: by its signal, or because nobody reads the events any more. `refused`: Discord, or the
 * broker, will not have us; the message says what to change.
 */
export type GatewayEnd = { readonly type: "stopped" } | { readonly type: "refused"; readonly message: string }

interface Ending {
  readonly refuse: (end: GatewayEnd) => void
  /** Aborts when the gateway stops, whatever the reason. */
  readonly signal: AbortSignal
}

interface Running {
  readonly fleet: Fleet
  readonly plan: ShardPlan
  readonly saver: SessionSaver
}

export class Gateway {
  readonly #parts: GatewayParts
  /** This process, for operators. */
  readonly steered: SteeredNode
  readonly #events: readonly string[]
  #running: Running | null = null
  #identifiesLeft: number | null = null

  constructor(parts: GatewayParts) {
    this.#parts = parts
    // Events that Discord has added since are counted by themselves too, once somebody asks for them.
    this.#events = [...new Set([...Object.keys(EVENT_INTENTS), ...parts.config.events])]
    this.steered = steeredGateway({
      node: parts.node ?? "gateway",
      clock: parts.clock,
      running: () => this.#running && { shardCount: this.#running.plan.count, units: this.#running.fleet.units },
      handOver: () => null,
    })
  }

  /**
   * Runs until `signal` aborts, the broker is over or Discord refuses; then stops in order, within the deadline.
   * @throws only what is a defect, after stopping.
   */
  async run(signal: AbortSignal): Promise<GatewayEnd> {
    const stopping = new AbortController()
    const { promise: refused, resolve: refuse, reject: fail } = Promise.withResolvers<GatewayEnd>()
    const onError = (error: unknown) => {
      if (stopping.signal.aborted) return
      if (error instanceof OperatorError) refuse({ type: "refused", message: error.message })
      else fail(error)
    }
    const started = this.#start({ refuse, signal: stopping.signal }, onError).catch(onError)
    try {
      return await Promise.race([
        aborted(signal).then((): GatewayEnd => ({ type: "stopped" })),
        this.#parts.broker.ended.then((end) => this.#endOf(end)),
        refused,
      ])
    } finally {
      stopping.abort()
      await started
      await this.#stop()
    }
  }

  get readiness(): Readiness {
    if (this.#running === null) return { ready: false, reason: "Discord has not told how to connect yet" }
    const missing = this.#running.fleet.notLive
    if (missing.length === 0) return { ready: true }
    return { ready: false, reason: `shards that are not ready: ${missing.join(", ")}` }
  }

  /** How many shards this process runs, and how many of them are ready. */
  get counts(): { readonly shards: number; readonly ready: number } {
    if (this.#running === null) return { shards: 0, ready: 0 }
    const { fleet, plan } = this.#running
    return { shards: plan.ids.length, ready: plan.ids.length - fleet.notLive.length }
  }

  /** By measurement: inflating zstd costs half of zlib in the native codec, and twice of it in the portable one. */
  get #compression(): Compression {
    const { config, codec } = this.#parts
    if (config.compression !== "auto") return config.compression
    return codec.name === "native" ? "zstd" : "zlib"
  }

  /** What an operator sees of the shards: a JSON value. */
  get shards(): unknown {
    if (this.#running === null) return { total: null, shards: [] }
    const { fleet, plan } = this.#running
    return { total: plan.count, shards: [...fleet.units.values()].map(({ status }) => status) }
  }

  /** What a scrape reads; null before the shards are known. */
  get reading(): GatewayReading | null {
    if (this.#running === null) return null
    const { fleet, plan } = this.#running
    const shards = [...fleet.units.values()].map((unit) => {
      const { id, phase, latencyMs, windowEvents, windowBytes } = unit.status
      return {
        id,
        alive: phase === "live",
        latencyMs,
        windowEvents,
        windowBytes,
        events: this.#events,
        counts: unit.counts(),
      }
    })
    const identifyWaiting = [...fleet.units.values()].filter(({ status }) => status.phase === "queued").length
    const { count: totalShards } = plan
    return { totalShards, shards, identifiesLeft: this.#identifiesLeft, fleet: { identifyWaiting, leases: null } }
  }

  async #start({ refuse, signal }: Ending, onError: (error: unknown) => void): Promise<void> {
    const { config, broker, store, codec, log, metrics, clock } = this.#parts
    log.info({ codec: codec.description, compression: this.#compression }, "starting")
    const gatewayBot = await this.#ask(signal)
    signal.throwIfAborted()
    const { plan, warnings } = planShards(config.shards, gatewayBot)
    for (const warning of warnings) log.warn({}, warning)
    log.info(
      { shards: plan.ids.length, total: plan.count, identifies: gatewayBot.startLimit.remaining },
      "running shards",
    )
    const saver = new SessionSaver({
      store,
      clock,
      onError: (error) => log.warn({ err: error }, "sessions could not be stored; trying again"),
    })
    this.#identifiesLeft = gatewayBot.startLimit.remaining
    const fleet = this.#newFleet(gatewayBot, plan, saver, { refuse, signal })
    this.#running = { fleet, plan, saver }
    await fleet.start()
    const targets = {
      shardCount: plan.count,
      shard: (id: number) => {
        const shard = fleet.units.get(id)?.shard
        return shard === undefined ? undefined : shard.send.bind(shard)
      },
    }
    const onRefused = ({ reason }: { readonly reason: string }) => metrics.sendRefused(reason)
    consumeSends({ broker, targets, shardIds: plan.ids, log, onRefused, signal }).catch(onError)
  }

  /** Asks until Discord answers. */
  async #ask(signal: AbortSignal): Promise<GatewayBot> {
    const { clock, random, log } = this.#parts
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#fetchGatewayBot(signal)
      } catch (error) {
        if (!(error instanceof GatewayBotUnavailableError)) throw error
        const delayMs = error.retryAfterMs ?? backoffMs(attempt, ASK_BACKOFF, random())
        log.warn({}, `Cannot ask Discord how to connect: ${error.message}; asking again in ${Math.round(delayMs)} ms`)
        await sleep(clock, delayMs, signal)
      }
    }
  }

  #fetchGatewayBot(signal: AbortSignal): Promise<GatewayBot> {
    const { config, fetch } = this.#parts
    const { scheme, host, version } = config.api
    const apiUrl = `${scheme}://${host}/api/v${version}`
    return fetchGatewayBot({ apiUrl, token: () => config.token.reveal(), fetch, signal })
  }

  #newFleet(gatewayBot: GatewayBot, plan: ShardPlan, saver: SessionSaver, { refuse, signal }: Ending): Fleet {
    const { config, codec, broker, store, dial, clock, random, soon, log } = this.#parts
    const wanted = new Set(config.events)
    return new Fleet({
      ids: plan.ids,
      shardCount: plan.count,
      store,
      saver,
      gatewayUrl: gatewayBot.url,
      query: { version: config.gatewayVersion, compression: this.#compression },
      identity: { token: () => config.token.reveal(), intents: config.intents, presence: config.presence },
      events: this.#events,
      decoder: (shard) =>
        codec.decoder({
          compression: this.#compression,
          encoding: broker.encoding,
          events: this.#events,
          wanted,
          shard,
          limits: DEFAULT_DECODER_LIMITS,
        }),
      broker,
      identify: (this.#parts.identifyQueue ?? memoryIdentifyQueue)({
        clock,
        random,
        startLimit: async () => (await this.#fetchGatewayBot(signal)).startLimit,
        reserve: config.identifyReserve,
        onWait: (reason, delayMs) =>
          log.warn({}, `no shard may identify for ${Math.ceil(delayMs / 1_000)} s: ${reason}`),
        onBudget: (remaining) => {
          this.#identifiesLeft = remaining
        },
      }),
      dial,
      clock,
      random,
      soon,
      limits: DEFAULT_DELIVERY_LIMITS,
      log,
      on: this.#unitEvents(refuse),
    })
  }

  #unitEvents(refuse: (end: GatewayEnd) => void): UnitEvents {
    const { metrics } = this.#parts
    return {
      live: () => {},
      down: (shard, kind) => metrics.reconnected(shard, kind),
      decodeFailed: (shard, kind) => metrics.decodeFailed(shard, kind),
      sent: (shard, op) => metrics.packetSent(shard, op),
      received: (shard, op) => metrics.packetReceived(shard, op),
      pinged: () => {},
      confirmed: (_shard, _events, latencyMs) => metrics.confirmed(latencyMs),
      refused: (shard, remedy) => refuse({ type: "refused", message: `Cannot run shard ${shard}: ${remedy}` }),
    }
  }

  /** Stops reading, waits for confirms, stores the sessions, lets go of the broker. */
  async #stop(): Promise<void> {
    const { config, broker, store, clock, log } = this.#parts
    const { drain, save, close } = SHUTDOWN_SHARES
    if (this.#running !== null) {
      const { fleet, saver } = this.#running
      const drained = await settlesWithin(clock, config.shutdownTimeoutMs * drain, fleet.stop())
      if (!drained)
        log.warn({}, "the broker has not confirmed every event in time: Discord replays them after the restart")
      const saved = await settlesWithin(clock, config.shutdownTimeoutMs * save, saver.close()).catch(() => false)
      if (!saved) log.error({}, "the last sessions could not be stored: some events will come twice after the restart")
      fleet.close()
    }
    await broker.close({ drainWithinMs: config.shutdownTimeoutMs * close })
    await store.close()
  }

  #endOf(end: BrokerEnd): GatewayEnd {
    if (end.type === "failed") return { type: "refused", message: end.error.message }
    if (end.type === "gone") this.#parts.log.info({}, end.reason)
    return { type: "stopped" }
  }
}
