// The gateway service: asks Discord how to connect, runs the shards, takes packets from the broker, and stops in order.
// Everything it works with is passed in.

import type { BrokerEnd } from "../brokers/broker.ts"
import { EVENT_INTENTS } from "../discord/events.ts"
import type { Compression } from "../discord/gateway-url.ts"
import { aborted } from "../flow/aborted.ts"
import type { GatewayReading } from "../ops/gateway-metrics.ts"
import type { Readiness } from "../ops/health.ts"
import { OperatorError } from "../ops/operator-error.ts"
import type { Fleet } from "./fleet.ts"
import { askGatewayBot, fetchGatewayBot, type GatewayBot, type GatewayBotOptions } from "./gateway-bot.ts"
import type { GatewayParts, LeaseParts } from "./gateway-parts.ts"
import { fetchGuildCount } from "./guild-count.ts"
import { newFleet } from "./new-fleet.ts"
import type { Resharding } from "./reshard/resharding.ts"
import { type Running, type RunningOptions, runFixed, runLeased } from "./running.ts"
import { planShards, sharedSet } from "./shard-plan.ts"
import { firstSet, hasSlot, type ShardSet } from "./shard-set.ts"
import type { UnitEvents } from "./shard-unit.ts"
import type { SteeredNode } from "./steering/node.ts"
import { steeredGateway } from "./steering/steered-gateway.ts"

/** How the shutdown's time is shared: for confirms and the last sessions, for letting go of the broker. */
const SHUTDOWN_SHARES = { shards: 0.8, close: 0.2 } as const

/**
 * How a run ended. `stopped`: by its signal, or because nobody reads the events any more. `refused`: Discord, or the
 * broker, will not have us; the message says what to change.
 */
export type GatewayEnd = { readonly type: "stopped" } | { readonly type: "refused"; readonly message: string }

interface Ending {
  readonly refuse: (end: GatewayEnd) => void
  /** For what fails on its own. */
  readonly onError: (error: unknown) => void
  /** Aborts when the gateway stops, whatever the reason. */
  readonly signal: AbortSignal
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
      running: () => this.#running && { set: this.#running.ownership.set, units: this.#running.fleet.units },
      handOver: () => this.#running?.ownership.handOver ?? null,
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
    const started = this.#start({ refuse, onError, signal: stopping.signal }).catch(onError)
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
    const { fleet, ownership } = this.#running
    if (ownership.waitsFor !== null) return { ready: false, reason: ownership.waitsFor }
    // Those that come up beside the bot's may take days, and it serves meanwhile.
    const missing = fleet.notLive.filter(({ slot }) => hasSlot(ownership.set, slot)).map(({ shard }) => shard)
    if (missing.length === 0) return { ready: true }
    return { ready: false, reason: `shards that are not ready: ${missing.join(", ")}` }
  }

  /** How many shards this process runs, and how many of them are ready. */
  get counts(): { readonly shards: number; readonly ready: number } {
    if (this.#running === null) return { shards: 0, ready: 0 }
    const { fleet } = this.#running
    return { shards: fleet.units.size, ready: fleet.units.size - fleet.notLive.length }
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
    const { fleet, ownership } = this.#running
    return { total: ownership.set.count, shards: [...fleet.units.values()].map(({ status }) => status) }
  }

  /** What a scrape reads; null before the shards are known. */
  get reading(): GatewayReading | null {
    if (this.#running === null) return null
    const { fleet, ownership, resharding } = this.#running
    const { set } = ownership
    const shards = [...fleet.units.values()].map((unit) => {
      const { id, phase, latencyMs, windowEvents, windowBytes } = unit.status
      const { slot } = unit.place
      return {
        ...{ id, slot, isOfBot: hasSlot(set, slot) },
        alive: phase === "live",
        latencyMs,
        windowEvents,
        windowBytes,
        events: this.#events,
        counts: unit.counts(),
      }
    })
    const identifyWaiting = [...fleet.units.values()].filter(({ status }) => status.phase === "queued").length
    const leases = this.#parts.leases === undefined ? null : shards.length
    return {
      totalShards: set.count,
      shards,
      identifiesLeft: this.#identifiesLeft,
      fleet: { identifyWaiting, leases, reshard: readingOf(resharding) },
    }
  }

  async #start(ending: Ending): Promise<void> {
    const { config, codec, log, leases, clock, random } = this.#parts
    log.info({ codec: codec.description, compression: this.#compression }, "starting")
    const gatewayBot = await askGatewayBot(() => this.#fetchGatewayBot(ending.signal), {
      ...{ clock, random, signal: ending.signal },
      onWait: (message) => log.warn({}, message),
    })
    ending.signal.throwIfAborted()
    const shared = leases === undefined ? null : await this.#sharedSet(leases, ending.signal)
    const { plan, warnings } = planShards({ ...config.shards, ...(shared && { count: shared.count }) }, gatewayBot)
    for (const warning of warnings) log.warn({}, warning)
    const identifies = gatewayBot.startLimit.remaining
    this.#identifiesLeft = identifies
    if (leases === undefined) {
      log.info({ shards: plan.ids.length, total: plan.count, identifies }, "running shards")
      await runFixed(plan, this.#runningOptions(gatewayBot, ending))
    } else {
      log.info({ node: leases.member.id, total: plan.count, identifies }, "asking for shards")
      await runLeased(leases, shared ?? firstSet(plan.count), this.#runningOptions(gatewayBot, ending))
    }
  }

  /** What the bot's other processes run. */
  async #sharedSet(leases: LeaseParts, signal: AbortSignal): Promise<ShardSet | null> {
    const shards = await Promise.race([leases.ledger.shards(), aborted(signal)])
    signal.throwIfAborted()
    return sharedSet(this.#parts.config.shards.count, shards ?? null)
  }

  #runningOptions(gatewayBot: GatewayBot, { refuse, onError, signal }: Ending): RunningOptions {
    return {
      parts: this.#parts,
      newFleet: (on) => this.#newFleet(gatewayBot, signal, on),
      discord: async () => {
        const [bot, guilds] = await Promise.all([
          this.#fetchGatewayBot(signal),
          fetchGuildCount(this.#question(signal)),
        ])
        return { guilds, maxConcurrency: bot.startLimit.maxConcurrency }
      },
      refuse: (message) => refuse({ type: "refused", message }),
      onError,
      onRunning: (running) => {
        this.#running = running
      },
      signal,
    }
  }

  #fetchGatewayBot(signal: AbortSignal): Promise<GatewayBot> {
    return fetchGatewayBot(this.#question(signal))
  }

  #question(signal: AbortSignal): GatewayBotOptions {
    const { config, fetch } = this.#parts
    const { scheme, host, version } = config.api
    return { apiUrl: `${scheme}://${host}/api/v${version}`, token: () => config.token.reveal(), fetch, signal }
  }

  #newFleet(gatewayBot: GatewayBot, signal: AbortSignal, on: UnitEvents): Fleet {
    return newFleet({
      parts: this.#parts,
      gatewayUrl: gatewayBot.url,
      compression: this.#compression,
      events: this.#events,
      startLimit: async () => (await this.#fetchGatewayBot(signal)).startLimit,
      onBudget: (remaining) => {
        this.#identifiesLeft = remaining
      },
      on,
    })
  }

  /** Stops reading, waits for confirms, stores the sessions, lets go of the broker. */
  async #stop(): Promise<void> {
    const { config, broker, store, leases } = this.#parts
    const { shards, close } = SHUTDOWN_SHARES
    if (this.#running !== null) {
      const { fleet, ownership, resharding } = this.#running
      await ownership.stop(config.shutdownTimeoutMs * shards)
      await resharding?.close()
      fleet.close()
    }
    await leases?.ledger.close()
    await broker.close({ drainWithinMs: config.shutdownTimeoutMs * close })
    await store.close()
  }

  #endOf(end: BrokerEnd): GatewayEnd {
    if (end.type === "failed") return { type: "refused", message: end.error.message }
    if (end.type === "gone")
      return { type: "refused", message: `${end.reason} Start it again, together with the gateway.` }
    return { type: "stopped" }
  }
}

function readingOf(resharding: Resharding | null): GatewayReading["fleet"]["reshard"] {
  if (resharding === null || resharding.reshard === null) return null
  return { phase: resharding.reshard.phase, shards: resharding.progress }
}
