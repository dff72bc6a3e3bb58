// The gateway's metrics: the original's names, and ours beside them. docs/metrics.md explains each.
// Rare things are counted as they happen. Dispatches, windows and states are read when Prometheus scrapes.

import type { Counter, Gauge, Histogram } from "prom-client"
import { FleetMetrics, type FleetReading } from "./fleet-metrics.ts"
import type { Metrics } from "./metrics.ts"
import { addProcessMetrics } from "./process-metrics.ts"

/** `t` of dispatches that no configured event names: they are counted together. */
const OTHER_EVENTS = "other"
const DISPATCH = 0
/** Different reasons that a label may have before the rest are counted as one: a label must not grow without end. */
const MAX_REASONS = 64
const OTHER_REASON = "other"
const MS_PER_SECOND = 1_000
const LATENCY_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** What a scrape reads of one shard. */
export interface ShardReading {
  readonly id: number
  /** Unlike its id, no other shard's of any set. */
  readonly slot: number
  /** False for one of a set that comes up beside the bot's, or that closes: only its packets are counted. */
  readonly isOfBot: boolean
  readonly alive: boolean
  /** Null before the first acknowledged heartbeat. */
  readonly latencyMs: number | null
  readonly windowEvents: number
  readonly windowBytes: number
  /** The decoder's event names, and its counts: one each, then one for all other names. */
  readonly events: readonly string[]
  readonly counts: Float64Array
}

/** What a scrape reads of the gateway. */
export interface GatewayReading {
  /** Shards of the whole bot, of which this process may run a part. */
  readonly totalShards: number
  readonly shards: Iterable<ShardReading>
  /** Null while Discord has not told. */
  readonly identifiesLeft: number | null
  readonly fleet: FleetReading
}

/** What an adapter says of its server. `blocked`: connected, but the server takes no messages. */
export type BrokerState = "up" | "blocked" | "down"

export class GatewayMetrics {
  /** What this process shares with others of the bot. */
  readonly fleet: FleetMetrics
  readonly #received: Counter<"t" | "op" | "shard">
  readonly #sent: Counter<"op" | "shard">
  readonly #alive: Gauge<"id">
  readonly #total: Gauge
  readonly #ping: Gauge<"id">
  readonly #windowEvents: Gauge<"shard">
  readonly #windowBytes: Gauge<"shard">
  readonly #latency: Histogram
  readonly #reconnects: Counter<"shard" | "reason">
  readonly #identifiesLeft: Gauge
  readonly #decodeErrors: Counter<"shard" | "kind">
  readonly #refusedSends: Counter<"reason">
  readonly #brokerConnected: Gauge
  readonly #brokerBlocked: Gauge
  /** Null while the adapter has said nothing: standard output has no server. */
  #brokerState: BrokerState | null = null
  readonly #reasons = new Set<string>()
  /** Of each shard, by slot: its id, and its counts at the last scrape. */
  readonly #counted = new Map<number, { readonly id: number; readonly counts: Float64Array }>()

  constructor(metrics: Metrics) {
    addProcessMetrics(metrics)
    this.#received = metrics.counter({
      name: "gateway_packets_received",
      help: "Packets received from Discord, by event (t), opcode and shard.",
      labelNames: ["t", "op", "shard"],
    })
    this.#sent = metrics.counter({
      name: "gateway_packets_sent",
      help: "Packets sent to Discord, by opcode and shard.",
      labelNames: ["op", "shard"],
    })
    this.#alive = metrics.gauge({
      name: "gateway_shards_alive",
      help: "1 for a shard of this process that is connected and ready, 0 for one that is not.",
      labelNames: ["id"],
    })
    this.#total = metrics.gauge({
      name: "gateway_total_shards",
      help: "Shards of the whole bot, those of other processes too.",
    })
    this.#ping = metrics.gauge({
      name: "gateway_ping",
      help: "Milliseconds from the last heartbeat to its acknowledgement.",
      labelNames: ["id"],
    })
    this.#windowEvents = metrics.gauge({
      name: "gateway_delivery_window_events",
      help: "Events handed to the broker and not confirmed yet.",
      labelNames: ["shard"],
    })
    this.#windowBytes = metrics.gauge({
      name: "gateway_delivery_window_bytes",
      help: "Bytes of the events handed to the broker and not confirmed yet.",
      labelNames: ["shard"],
    })
    this.#latency = metrics.histogram({
      name: "gateway_publish_latency_seconds",
      help: "Seconds from the socket to the broker's confirm, once for each batch of events.",
      buckets: LATENCY_BUCKETS_SECONDS,
    })
    this.#reconnects = metrics.counter({
      name: "gateway_reconnects_total",
      help: "Connections to Discord that ended, by shard and reason.",
      labelNames: ["shard", "reason"],
    })
    this.#identifiesLeft = metrics.gauge({
      name: "gateway_identifies_remaining",
      help: "Identifies that Discord allows until its limit is reset.",
    })
    this.fleet = new FleetMetrics(metrics)
    this.#decodeErrors = metrics.counter({
      name: "gateway_decode_errors_total",
      help: "Frames that could not be decoded, by kind and shard; each costs a reconnect.",
      labelNames: ["shard", "kind"],
    })
    this.#brokerConnected = metrics.gauge({
      name: "gateway_broker_connected",
      help: "1 while the gateway is connected to the broker's server, 0 while it is not.",
    })
    this.#brokerBlocked = metrics.gauge({
      name: "gateway_broker_blocked",
      help: "1 while the broker's server takes no messages, for want of memory or disk.",
    })
    metrics.onScrape(() => this.#readBroker())
    this.#refusedSends = metrics.counter({
      name: "gateway_refused_sends_total",
      help: "Packets of consumers that were not sent to Discord, by reason.",
      labelNames: ["reason"],
    })
  }

  /** A packet other than a dispatch; dispatches are read from the decoder. */
  packetReceived(shard: number, op: number): void {
    this.#received.inc({ t: "", op, shard })
  }

  packetSent(shard: number, op: number): void {
    this.#sent.inc({ op, shard })
  }

  reconnected(shard: number, reason: string): void {
    this.#reconnects.inc({ shard, reason: this.#bounded(reason) })
  }

  decodeFailed(shard: number, kind: string): void {
    this.#decodeErrors.inc({ shard, kind: this.#bounded(kind) })
  }

  sendRefused(reason: string): void {
    this.#refusedSends.inc({ reason: this.#bounded(reason) })
  }

  brokerChanged(state: BrokerState): void {
    this.#brokerState = state
  }

  /** A batch was confirmed. */
  confirmed(latencyMs: number): void {
    this.#latency.observe(latencyMs / MS_PER_SECOND)
  }

  /** Takes over what a scrape has read: to be called from `Metrics.onScrape`. */
  read({ totalShards, shards, identifiesLeft, fleet }: GatewayReading): void {
    this.#total.set(totalShards)
    this.fleet.read(fleet)
    if (identifiesLeft !== null) this.#identifiesLeft.set(identifiesLeft)
    const here = new Set<number>()
    const states = new Set<number>()
    for (const shard of shards) {
      here.add(shard.slot)
      this.#countDispatches(shard)
      if (!shard.isOfBot) continue
      states.add(shard.id)
      this.#alive.set({ id: shard.id }, shard.alive ? 1 : 0)
      if (shard.latencyMs !== null) this.#ping.set({ id: shard.id }, shard.latencyMs)
      this.#windowEvents.set({ shard: shard.id }, shard.windowEvents)
      this.#windowBytes.set({ shard: shard.id }, shard.windowBytes)
    }
    for (const [slot, { id }] of this.#counted) {
      if (here.has(slot)) continue
      this.#counted.delete(slot)
      if (!states.has(id)) this.#forget(id)
    }
  }

  /** A shard that another process runs by now: its states are that one's to tell. What was counted here stays counted. */
  #forget(id: number): void {
    this.#alive.remove({ id })
    this.#ping.remove({ id })
    this.#windowEvents.remove({ shard: id })
    this.#windowBytes.remove({ shard: id })
  }

  #readBroker(): void {
    if (this.#brokerState === null) return
    this.#brokerConnected.set(this.#brokerState === "down" ? 0 : 1)
    this.#brokerBlocked.set(this.#brokerState === "blocked" ? 1 : 0)
  }

  /** Adds what came since the last scrape. A decoder that began anew, with smaller counts, is counted from 0. */
  #countDispatches({ id, slot, events, counts }: ShardReading): void {
    const before = this.#counted.get(slot)?.counts
    for (const [index, count] of counts.entries()) {
      const seen = before?.[index] ?? 0
      const added = count >= seen ? count - seen : count
      if (added > 0) this.#received.inc({ t: events[index] ?? OTHER_EVENTS, op: DISPATCH, shard: id }, added)
    }
    this.#counted.set(slot, { id, counts: counts.slice() })
  }

  #bounded(reason: string): string {
    if (this.#reasons.has(reason)) return reason
    if (this.#reasons.size >= MAX_REASONS) return OTHER_REASON
    this.#reasons.add(reason)
    return reason
  }
}
