// The metrics of what the processes of a bot share: identify slots, and the leases of shards. docs/metrics.md explains each.

import type { Counter, Gauge, Histogram } from "prom-client"
import type { Metrics } from "./metrics.ts"

const MS_PER_SECOND = 1_000
const IDENTIFY_BUCKETS_SECONDS = [0.1, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400]

/** A reshard that runs. */
export interface ReshardReading {
  readonly phase: string
  /** Of the new set: all, those that are connected and ready, and those whose guilds it publishes. Null where another process leads. */
  readonly shards: { readonly total: number; readonly live: number; readonly cut: number } | null
}

/** What a scrape reads. */
export interface FleetReading {
  /** Shards of this process that wait for a slot to identify in. */
  readonly identifyWaiting: number
  /** Shards that this process has leases of; null where no leases decide who runs what. */
  readonly leases: number | null
  /** Null while none runs, or where this process knows of none. */
  readonly reshard: ReshardReading | null
}

/** Which way a lease went, and why: `handed-over` by its owner, `free`, given up since it could be another's already, or `ended` with its set. */
export type LeaseMove =
  | { readonly direction: "in"; readonly reason: "handed-over" | "free" }
  | { readonly direction: "out"; readonly reason: "handed-over" | "expired" | "taken" | "fenced" | "ended" }

export class FleetMetrics {
  readonly #identifyWaiting: Gauge
  readonly #identifyWait: Histogram
  readonly #slotsReturned: Counter
  readonly #leases: Gauge
  readonly #leaseMoves: Counter<"direction" | "reason">
  readonly #fences: Counter
  readonly #load: Gauge
  readonly #reshardPhase: Gauge<"phase">
  readonly #reshardShards: Gauge<"state">
  readonly #handOvers: Counter<"result">

  constructor(metrics: Metrics) {
    this.#identifyWaiting = metrics.gauge({
      name: "gateway_identify_waiting",
      help: "Shards of this process that wait for a slot to identify in.",
    })
    this.#identifyWait = metrics.histogram({
      name: "gateway_identify_wait_seconds",
      help: "Seconds that a shard waited for its slot in the shared identify queue.",
      buckets: IDENTIFY_BUCKETS_SECONDS,
    })
    this.#slotsReturned = metrics.counter({
      name: "gateway_identify_slots_returned_total",
      help: "Slots of the shared identify queue that came too late to be used, or that no shard wanted any more.",
    })
    this.#leases = metrics.gauge({
      name: "gateway_leases",
      help: "Shards that this process has leases of.",
    })
    this.#leaseMoves = metrics.counter({
      name: "gateway_lease_moves_total",
      help: "Leases of shards that came to this process or left it, by direction and reason.",
      labelNames: ["direction", "reason"],
    })
    this.#load = metrics.gauge({
      name: "gateway_load",
      help: "How much of one CPU this process used in the last 10 s, where shards.max_load is set.",
    })
    this.#fences = metrics.counter({
      name: "gateway_fences_total",
      help: "Dead processes whose connections to Redis this process has ended, so that their shards may move.",
    })
    this.#reshardPhase = metrics.gauge({
      name: "gateway_reshard_phase",
      help: "1 for the phase of the reshard that runs; nothing while none does.",
      labelNames: ["phase"],
    })
    this.#reshardShards = metrics.gauge({
      name: "gateway_reshard_shards",
      help: "Shards of the set that comes up while the bot is resharded: total, live, and cut, whose guilds it publishes.",
      labelNames: ["state"],
    })
    this.#handOvers = metrics.counter({
      name: "gateway_reshard_hand_overs_total",
      help: "Attempts of this process to let the guilds of an old and a new shard change hands, by result.",
      labelNames: ["result"],
    })
  }

  /** An attempt to let the guilds of an old and a new shard change hands. */
  handOver(result: string): void {
    this.#handOvers.inc({ result })
  }

  slotGranted(waitedMs: number): void {
    this.#identifyWait.observe(waitedMs / MS_PER_SECOND)
  }

  slotReturned(): void {
    this.#slotsReturned.inc()
  }

  leaseMoved({ direction, reason }: LeaseMove): void {
    this.#leaseMoves.inc({ direction, reason })
  }

  /** @param load of one CPU */
  loadMeasured(load: number): void {
    this.#load.set(load)
  }

  /** The connections of a dead process were ended. */
  fenced(): void {
    this.#fences.inc()
  }

  /** Takes over what a scrape has read. */
  read({ identifyWaiting, leases, reshard }: FleetReading): void {
    this.#reshardPhase.reset()
    this.#reshardShards.reset()
    if (reshard !== null) {
      this.#reshardPhase.set({ phase: reshard.phase }, 1)
      for (const [state, shards] of Object.entries(reshard.shards ?? {})) this.#reshardShards.set({ state }, shards)
    }
    this.#identifyWaiting.set(identifyWaiting)
    if (leases !== null) this.#leases.set(leases)
  }
}
