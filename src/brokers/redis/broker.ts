// The broker over Redis Streams. An event is a stream; publishing goes over a connection of our own (publish.ts), all else
// through ioredis. Confirmed means that Redis has executed the XADD of every event: what that survives is for the server's
// own persistence and replication to say (appendfsync, min-replicas-to-write).

import type { EventBatch } from "../../codec/batch.ts"
import type { Body, Encoding } from "../../codec/encoding.ts"
import { type Clock, systemClock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import { encodeBody, eventValue } from "../body.ts"
import { type Broker, BrokerClosedError, type BrokerEnd, type Delivery } from "../broker.ts"
import { placeOf, type RedisAddress, type RedisLocation, type RedisPlace } from "./address.ts"
import { RedisCalls } from "./call.ts"
import { type Client, newClient, newListener } from "./clients.ts"
import { clusterOf } from "./cluster.ts"
import { addCommand, command, type Trimming } from "./commands.ts"
import { type Connect, connectToRedis } from "./connection.ts"
import { BLOCK_MS, RedisConsumer } from "./consume.ts"
import { REACH_WITHIN_MS, unreachable } from "./mode.ts"
import { Publisher } from "./publish.ts"
import { throughSentinels } from "./sentinel.ts"
import type { ServerState } from "./server.ts"
import { singleServer, type Topology, type TopologyOptions } from "./topology.ts"
import { type RedisValues, readValue } from "./values.ts"
import type { WriteFence } from "./write-fence.ts"

/**
 * Pending for so long, a message belongs to nobody any more. Longer than a send may wait in a shard's queue (2 min), lest
 * it is sent twice.
 */
const CLAIM_AFTER_MS = 180_000
const MAX_DELIVERIES = 5
const MAX_UNACKNOWLEDGED = 1_000
/** A command that is not answered for so long is sent on another connection. */
const SILENT_MS = 10_000

export interface RedisBrokerOptions extends RedisLocation {
  readonly group: string
  readonly body: Body
  /** How long and how many entries a stream keeps. */
  readonly trimming: Trimming
  /** How many replicas must have an event before it is confirmed, so that a failover loses none; 0 where absent. */
  readonly replicas?: number
  /** Connections for reads that block. */
  readonly poolSize: number
  readonly logger: Logger
  /** The name of this member of the group. */
  readonly name?: string
  readonly clock?: Clock
  readonly random?: () => number
  readonly connect?: Connect
  readonly fence?: WriteFence
  readonly claimAfterMs?: number
  /** Deliveries that are held unacknowledged before no more are read. */
  readonly maxUnacknowledged?: number
  readonly maxDeliveries?: number
  /** A message was refused for good because nobody ever acknowledged it. */
  readonly onPoison?: (event: string) => void
  /** How the server is, or the one of the cluster that is worst off. */
  readonly onState?: (state: ServerState) => void
}

export interface RedisBroker extends Broker {
  /** Values on the same server. They are written in the publishing pipeline, behind what was published before. */
  readonly values: RedisValues
  /** Publishes nothing more of what was handed over of a shard, by its slot: it is another process's. */
  drop(slot: number): void
}

/**
 * Connects at once, and keeps connecting.
 * @throws OperatorError when a URL cannot be used.
 */
export function redisBroker(options: RedisBrokerOptions): RedisBroker {
  return new RedisStreamsBroker(options)
}

class RedisStreamsBroker implements RedisBroker {
  readonly encoding: Encoding
  readonly ended: Promise<BrokerEnd>
  readonly values: RedisValues
  readonly #options: RedisBrokerOptions
  readonly #place: RedisPlace
  readonly #clock: Clock
  readonly #publisher: Publisher
  readonly #commands: Client
  readonly #consumer: RedisConsumer
  readonly #calls: RedisCalls
  readonly #closing = new AbortController()
  readonly #cancelReach: () => void
  readonly #end: (end: BrokerEnd) => void
  readonly #states = new Map<string, ServerState>()
  #lastReason = "it does not answer"

  constructor(options: RedisBrokerOptions) {
    const { body, trimming, clock = systemClock, logger: log, random = Math.random } = options
    const { promise, resolve } = Promise.withResolvers<BrokerEnd>()
    this.ended = promise
    this.#end = resolve
    this.#options = options
    this.#clock = clock
    this.encoding = { body, framing: { type: "redis", ...trimming } }
    const place = placeOf(options)
    this.#place = place
    const connecting = { place, log, random, clock }
    this.#commands = newClient(connecting, "packets and sessions", SILENT_MS)
    this.#cancelReach = clock.after(REACH_WITHIN_MS, () => this.#fail(unreachable(place, this.#lastReason)))
    const topology: Omit<TopologyOptions, "addresses" | "connect"> = {
      clock,
      random,
      log,
      replicas: options.replicas ?? 0,
      ...(options.fence === undefined ? {} : { fence: options.fence }),
      on: {
        ready: () => this.#cancelReach(),
        lost: (reason) => {
          this.#lastReason = reason
        },
        state: (server, state) => this.#onState(server, state),
        failed: (error) => this.#fail(error),
      },
    }
    this.#publisher = new Publisher(this.#newTopology(topology), clock)
    this.#calls = this.#newCalls(() => newListener(connecting, "replies"))
    this.#consumer = this.#newConsumer(
      () => newClient(connecting, "packets", BLOCK_MS + SILENT_MS),
      place.type === "cluster",
    )
    this.values = this.#newValues()
  }

  publish(batch: EventBatch): Promise<void> {
    return this.#publisher.publish(batch)
  }

  announce(event: string, data: unknown): Promise<void> {
    const { body, trimming } = this.#options
    const bytes = encodeBody(body, eventValue(body, event, data))
    return this.#publisher.write(event, addCommand(event, bytes, trimming, this.#clock.wallMs()))
  }

  consume(events: readonly string[], signal: AbortSignal): AsyncIterable<Delivery> {
    return this.#consumer.deliveries(events, signal)
  }

  call(event: string, data: unknown, { timeoutMs }: { readonly timeoutMs: number }): Promise<unknown> {
    return this.#calls.call(event, data, timeoutMs)
  }

  drop(slot: number): void {
    const reason = `Cannot publish for a shard (slot ${slot}): its lease is another process's by now.`
    this.#publisher.drop(slot, new BrokerClosedError(reason))
  }

  async close({ drainWithinMs }: { readonly drainWithinMs: number }): Promise<void> {
    this.#closing.abort()
    await Promise.all([this.#publisher.drain(drainWithinMs), this.#consumer.giveBack()])
    this.#stop({ type: "closed" }, new BrokerClosedError("Cannot publish: the broker was closed."))
  }

  #newTopology(common: Omit<TopologyOptions, "addresses" | "connect">): Topology {
    const { connect = connectToRedis, fence } = this.#options
    const place = this.#place
    const named = (address: RedisAddress) =>
      fence?.mark.type === "name" ? { ...address, connectionName: fence.mark.name } : address
    switch (place.type) {
      case "server":
        return singleServer({ ...common, connect, addresses: [named(place.address)] })
      case "sentinel":
        return singleServer({ ...common, connect: throughSentinels(place, connect), addresses: [named(place.address)] })
      case "cluster": {
        const [first, ...rest] = place.seeds
        return clusterOf({ ...common, connect, addresses: [named(first), ...rest.map(named)] }, this.#commands)
      }
    }
  }

  #newCalls(newSubscriber: () => Client): RedisCalls {
    const { body, trimming } = this.#options
    const common = { commands: this.#commands, body, trimming, clock: this.#clock, closing: this.#closing.signal }
    return new RedisCalls({ ...common, newSubscriber })
  }

  #newConsumer(newReader: () => Client, isCluster: boolean): RedisConsumer {
    const { group, trimming, poolSize, logger, maxUnacknowledged, claimAfterMs, maxDeliveries, onPoison } =
      this.#options
    return new RedisConsumer({
      group,
      name: this.#options.name ?? crypto.randomUUID(),
      commands: this.#commands,
      newReader,
      isCluster,
      poolSize,
      trimming,
      maxUnacknowledged: maxUnacknowledged ?? MAX_UNACKNOWLEDGED,
      claimAfterMs: claimAfterMs ?? CLAIM_AFTER_MS,
      maxDeliveries: maxDeliveries ?? MAX_DELIVERIES,
      reply: (event, id, data) => this.#calls.reply(event, id, data),
      onPoison: onPoison ?? (() => {}),
      clock: this.#clock,
      log: logger,
      closing: this.#closing.signal,
    })
  }

  #newValues(): RedisValues {
    const place = this.#place
    return {
      get: (key) => readValue(this.#commands, key, { clock: this.#clock, place }),
      set: async (values) => {
        await Promise.all([...values].map(([key, value]) => this.#publisher.write(key, command("SET", key, value))))
      },
      delete: (key) => this.#publisher.write(key, command("DEL", key)),
      // The connections are the broker's.
      close: async () => {},
    }
  }

  #onState(server: string, state: ServerState): void {
    this.#states.set(server, state)
    const states = new Set(this.#states.values())
    this.#options.onState?.(states.has("down") ? "down" : states.has("blocked") ? "blocked" : "up")
  }

  #fail(error: Error): void {
    this.#stop({ type: "failed", error }, new BrokerClosedError(`Cannot publish: ${error.message}`, { cause: error }))
  }

  #stop(end: BrokerEnd, reason: BrokerClosedError): void {
    this.#cancelReach()
    this.#closing.abort()
    this.#publisher.close(reason)
    this.#commands.disconnect()
    this.#end(end)
  }
}
