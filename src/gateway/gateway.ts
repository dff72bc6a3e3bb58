// The gateway service: asks Discord how to connect, runs the shards, takes packets from the broker, and stops in order.
// Everything it works with is passed in.

import type { BrokerEnd } from "../brokers/broker.ts"
import { EVENT_INTENTS } from "../discord/events.ts"
import type { Compression } from "../discord/gateway-url.ts"
import { aborted } from "../flow/aborted.ts"
import type { GatewayReading } from "../ops/gateway-metrics.ts"
import type { Readiness } from "../ops/health.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { fixedOwnership } from "./fixed-ownership.ts"
import { Leases } from "./fleet/leases.ts"
import type { Fleet } from "./fleet.ts"
import { askGatewayBot, fetchGatewayBot, type GatewayBot } from "./gateway-bot.ts"
import type { GatewayParts, LeaseParts } from "./gateway-parts.ts"
import { newFleet } from "./new-fleet.ts"
import type { Ownership } from "./ownership.ts"
import { consumeSends, type SendConsumerOptions } from "./sends/consumer.ts"
import { OwnSends } from "./sends/own-sends.ts"
import { planShards, type ShardPlan } from "./shard-plan.ts"
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

interface Running {
  readonly fleet: Fleet
  readonly plan: ShardPlan
  readonly ownership: Ownership
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
    const missing = fleet.notLive
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
    const leases = this.#parts.leases === undefined ? null : shards.length
    const { count: totalShards } = plan
    return { totalShards, shards, identifiesLeft: this.#identifiesLeft, fleet: { identifyWaiting, leases } }
  }

  async #start(ending: Ending): Promise<void> {
    const { config, codec, log, leases, clock, random } = this.#parts
    log.info({ codec: codec.description, compression: this.#compression }, "starting")
    const gatewayBot = await askGatewayBot(() => this.#fetchGatewayBot(ending.signal), {
      ...{ clock, random, signal: ending.signal },
      onWait: (message) => log.warn({}, message),
    })
    ending.signal.throwIfAborted()
    const { plan, warnings } = planShards({ ...config.shards, ...(await this.#sharedCount(ending.signal)) }, gatewayBot)
    for (const warning of warnings) log.warn({}, warning)
    const identifies = gatewayBot.startLimit.remaining
    this.#identifiesLeft = identifies
    if (leases === undefined) {
      log.info({ shards: plan.ids.length, total: plan.count, identifies }, "running shards")
      await this.#startFixed(gatewayBot, plan, ending)
    } else {
      log.info({ node: leases.member.id, total: plan.count, identifies }, "asking for shards")
      await this.#startLeased(leases, gatewayBot, plan, ending)
    }
  }

  /** Who joins others runs as many shards as they do, also when Discord recommends another number by now. */
  async #sharedCount(signal: AbortSignal): Promise<{ readonly count?: number }> {
    const { config, leases } = this.#parts
    if (leases === undefined || config.shards.count !== undefined) return {}
    const count = await Promise.race([leases.ledger.shardCount(), aborted(signal)])
    signal.throwIfAborted()
    return count == null ? {} : { count }
  }

  async #startFixed(gatewayBot: GatewayBot, plan: ShardPlan, ending: Ending): Promise<void> {
    const { store, clock, log } = this.#parts
    const fleet = this.#newFleet(gatewayBot, plan, ending, this.#unitEvents(ending.refuse))
    const ownership = fixedOwnership({ ids: plan.ids, fleet, store, clock, log })
    this.#running = { fleet, plan, ownership }
    await ownership.start()
    consumeSends(this.#sendOptions(plan, fleet, plan.ids, ending.signal)).catch(ending.onError)
  }

  async #startLeased(parts: LeaseParts, gatewayBot: GatewayBot, plan: ShardPlan, ending: Ending): Promise<void> {
    const { clock, dial, log, metrics } = this.#parts
    const { refuse, onError, signal } = ending
    const fleet = this.#newFleet(gatewayBot, plan, ending, {
      ...this.#unitEvents(refuse),
      live: (shard) => ownership.live(shard, true),
      down(shard, kind) {
        metrics.reconnected(shard, kind)
        ownership.live(shard, false)
      },
    })
    const sends = new OwnSends(clock, (shardIds, until) =>
      consumeSends({ ...this.#sendOptions(plan, fleet, shardIds, until), moving: { ownOnly: true, clock } }).catch(
        onError,
      ),
    )
    const ownership = new Leases({
      ...{ ...parts, fleet, dial, clock, log },
      member: { ...parts.member, shardCount: plan.count },
      on: {
        changed: () => sends.update([...fleet.units.keys()]),
        moved: (move) => metrics.fleet.leaseMoved(move),
        fenced: () => metrics.fleet.fenced(),
        refused: (message) => refuse({ type: "refused", message }),
      },
    })
    this.#running = { fleet, plan, ownership }
    signal.addEventListener("abort", () => sends.stop())
    await ownership.start()
    const moving = { ownOnly: false, clock }
    consumeSends({ ...this.#sendOptions(plan, fleet, [], signal), moving }).catch(onError)
  }

  #sendOptions(plan: ShardPlan, fleet: Fleet, shardIds: readonly number[], signal: AbortSignal): SendConsumerOptions {
    const { broker, metrics, log } = this.#parts
    const targets = {
      shardCount: plan.count,
      shard: (id: number) => {
        const shard = fleet.units.get(id)?.shard
        return shard === undefined ? undefined : shard.send.bind(shard)
      },
    }
    const onRefused = ({ reason }: { readonly reason: string }) => metrics.sendRefused(reason)
    return { broker, targets, shardIds, log, onRefused, signal }
  }

  #fetchGatewayBot(signal: AbortSignal): Promise<GatewayBot> {
    const { config, fetch } = this.#parts
    const { scheme, host, version } = config.api
    const apiUrl = `${scheme}://${host}/api/v${version}`
    return fetchGatewayBot({ apiUrl, token: () => config.token.reveal(), fetch, signal })
  }

  #newFleet(gatewayBot: GatewayBot, plan: ShardPlan, { signal }: Ending, on: UnitEvents): Fleet {
    return newFleet({
      parts: this.#parts,
      gatewayUrl: gatewayBot.url,
      shardCount: plan.count,
      compression: this.#compression,
      events: this.#events,
      startLimit: async () => (await this.#fetchGatewayBot(signal)).startLimit,
      onBudget: (remaining) => {
        this.#identifiesLeft = remaining
      },
      on,
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
    const { config, broker, store, leases } = this.#parts
    const { shards, close } = SHUTDOWN_SHARES
    if (this.#running !== null) {
      const { fleet, ownership } = this.#running
      await ownership.stop(config.shutdownTimeoutMs * shards)
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
