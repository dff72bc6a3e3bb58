// A shard with all that is its own: decoder, delivery, protocol; and what is stored of its session.

import type { Broker } from "../brokers/broker.ts"
import type { Decoder } from "../codec/decoder.ts"
import type { GatewayQuery } from "../discord/gateway-url.ts"
import type { Clock } from "../flow/clock.ts"
import type { Logger } from "../ops/log.ts"
import { Delivery } from "./delivery.ts"
import type { DeliveryLimits, DeliverySession } from "./delivery-options.ts"
import type { IdentifyQueue } from "./identify/identify-queue.ts"
import type { DownKind } from "./protocol/state.ts"
import type { GatedShard } from "./reshard/gated-shard.ts"
import type { GuildGate } from "./reshard/guild-gate.ts"
import { misfitOf } from "./sessions/resumable.ts"
import type { SessionSaver } from "./sessions/saver.ts"
import type { Session } from "./sessions/session.ts"
import { Shard } from "./shard.ts"
import type { Identity, ShardStatus } from "./shard-options.ts"
import { logFields, type ShardPlace } from "./shard-set.ts"
import type { Dial } from "./socket.ts"

/** What a unit tells its gateway; the shard comes first. */
export interface UnitEvents {
  readonly live: (shard: ShardPlace, resumed: boolean) => void
  readonly down: (shard: ShardPlace, kind: DownKind) => void
  readonly decodeFailed: (shard: ShardPlace, kind: string) => void
  readonly sent: (shard: ShardPlace, op: number) => void
  readonly received: (shard: ShardPlace, op: number) => void
  readonly pinged: (shard: ShardPlace, latencyMs: number) => void
  readonly confirmed: (shard: ShardPlace, events: number, latencyMs: number) => void
  /** Discord refuses this shard for good. */
  readonly refused: (shard: ShardPlace, remedy: string) => void
}

/** What every unit of a gateway shares. */
export interface UnitOptions {
  readonly gatewayUrl: string
  readonly query: GatewayQuery
  readonly identity: Identity
  readonly events: readonly string[]
  readonly decoder: (shard: number) => Decoder
  readonly broker: Broker
  readonly saver: SessionSaver
  readonly identify: IdentifyQueue
  readonly dial: Dial
  readonly clock: Clock
  readonly random: () => number
  readonly soon: (run: () => void) => void
  readonly limits: DeliveryLimits
  readonly log: Logger
  readonly on: UnitEvents
  /** Whether it comes up beside the bot's own shards; absent: it never does. */
  readonly isBeside?: () => boolean
  /** Only while the bot is resharded: decides what of its events is published. */
  readonly gate?: GuildGate
}

export class ShardUnit {
  readonly shard: Shard
  readonly place: ShardPlace
  readonly #options: UnitOptions
  readonly #decoder: Decoder
  readonly #delivery: Delivery
  /** The last value worth storing. */
  #stored: Session | null
  #resumeFailures: number
  #gated: GatedShard | null = null

  /** @param stored what an earlier run left for this shard */
  constructor(place: ShardPlace, stored: Session | null, options: UnitOptions) {
    const { shard: id, count } = place
    this.place = place
    this.#options = options
    const log = options.log.child(logFields(place))
    const misfit = stored === null ? null : misfitOf(stored, { count, intents: options.identity.intents })
    const resumable = misfit === null ? stored : null
    this.#stored = resumable
    this.#resumeFailures = resumable?.resumeFailures ?? 0
    this.#decoder = options.decoder(id)
    this.#delivery = this.#newDelivery()
    if (options.gate !== undefined) this.#gated = this.#gatedBy(options.gate)
    this.shard = this.#newShard(log, resumable)
    if (stored === null || misfit === null) return
    log.warn({ session: stored.sessionId }, `Cannot resume shard ${id}: ${misfit}`)
    this.#delivery.announceGap(stored.sessionId, stored.sequence)
  }

  get status(): ShardStatus & { readonly acknowledged: number | null } {
    return { ...this.shard.status, acknowledged: this.#stored?.sequence ?? null }
  }

  /** Dispatches decoded, by position in `events`; the last is for all other names. */
  counts(): Float64Array {
    return this.#decoder.counts()
  }

  /** What events are trimmed by. */
  setTime(unixMs: number): void {
    this.#decoder.setTime(unixMs)
  }

  /** This shard as those see it that let its guilds change hands; null while it takes no part in a reshard. */
  get gated(): GatedShard | null {
    return this.#gated
  }

  /** From now on the gate decides what of the events is published. */
  attach(gate: GuildGate): void {
    this.#gated = this.#gatedBy(gate)
    gate.live(this.shard.status.phase === "live")
  }

  /** The reshard is over. */
  detach(): void {
    this.#gated = null
    this.#delivery.detach()
  }

  #gatedBy(gate: GuildGate): GatedShard {
    const delivery = this.#delivery
    delivery.attach(gate)
    return {
      gate,
      flush() {
        delivery.flush()
        return !delivery.isBehind
      },
      probe: () => this.shard.probe(),
      confirmed: () => delivery.confirmed(),
    }
  }

  /** Stops reading, then waits until the broker has confirmed what was read. */
  async stop(): Promise<void> {
    await this.shard.stop()
    this.#gated?.gate.close()
    await this.#delivery.drained()
  }

  close(): void {
    this.#gated?.gate.close()
    this.#decoder.close()
  }

  #newDelivery(): Delivery {
    const { events, broker, clock, soon, limits, on, saver } = this.#options
    const { place } = this
    return new Delivery({
      shard: place.shard,
      slot: place.slot,
      events,
      decoder: this.#decoder,
      broker,
      clock,
      soon,
      limits,
      on: {
        acknowledged: (session, sequence) => this.#store(session, sequence),
        gapAnnounced: () => {
          this.#stored = null
          saver.drop(place.shard)
        },
        stalled: () => this.shard.hold(),
        drained: () => this.shard.release(),
        confirmed: (count, latencyMs) => on.confirmed(place, count, latencyMs),
      },
    })
  }

  #newShard(log: Logger, resumable: Session | null): Shard {
    const { gatewayUrl, isBeside = () => false, query, identity, identify, dial, clock, random, on } = this.#options
    const { place } = this
    return new Shard(
      {
        id: place.shard,
        count: place.count,
        slot: place.slot,
        isBeside,
        gatewayUrl,
        query,
        identity,
        decoder: this.#decoder,
        delivery: this.#delivery,
        identify,
        dial,
        clock,
        random,
        log,
        on: {
          live: (resumed) => {
            this.#setResumeFailures(0)
            this.#gated?.gate.live(true)
            on.live(place, resumed)
          },
          ready: (guildIds) => this.#gated?.gate.ready(guildIds),
          down: (kind) => {
            this.#gated?.gate.live(false)
            on.down(place, kind)
          },
          decodeFailed: (kind) => on.decodeFailed(place, kind),
          sent: (op) => on.sent(place, op),
          received: (op) => on.received(place, op),
          pinged: (latencyMs) => on.pinged(place, latencyMs),
          stopped: (remedy) => {
            if (remedy !== null) on.refused(place, remedy)
          },
          resumeFailed: (failures) => this.#setResumeFailures(failures),
        },
      },
      resumable,
    )
  }

  #setResumeFailures(resumeFailures: number): void {
    if (resumeFailures === this.#resumeFailures) return
    this.#resumeFailures = resumeFailures
    if (this.#stored === null) return
    this.#stored = { ...this.#stored, resumeFailures }
    this.#options.saver.save(this.#stored)
  }

  #store({ id, resumeUrl, startedMs }: DeliverySession, sequence: number): void {
    const intents = id === this.#stored?.sessionId ? this.#stored.intents : this.#options.identity.intents
    this.#stored = {
      shard: this.place.shard,
      shardCount: this.place.count,
      sessionId: id,
      resumeUrl,
      sequence,
      resumeFailures: this.#resumeFailures,
      ...(startedMs === null ? {} : { startedMs }),
      ...(intents === undefined ? {} : { intents }),
    }
    this.#options.saver.save(this.#stored)
  }
}
