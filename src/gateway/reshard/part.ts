// What a process has to do with one reshard, from when it learns of it until it is over: gates for its shards of both sets, and the
// hand-overs between them.

import type { Encoding } from "../../codec/encoding.ts"
import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import { hasSlot, type ShardPlace } from "../shard-set.ts"
import type { ShardUnit } from "../shard-unit.ts"
import type { Side } from "./change.ts"
import type { PairExchange } from "./exchange.ts"
import { GuildGate } from "./guild-gate.ts"
import type { HandOverTimes } from "./hand-over.ts"
import { PairHandOvers, type PairHandOversOptions } from "./pair-hand-overs.ts"
import { newSet, oldSet, type ReshardHead, type ReshardOrder } from "./record.ts"

/** `close`: listens no more. */
export type ClosableExchange = PairExchange & { readonly close: () => void }

export interface ReshardPartOptions {
  /** Of one reshard. */
  readonly newExchange: (reshard: ReshardHead) => ClosableExchange
  /** What runs here, by slot. */
  readonly units: () => ReadonlyMap<number, ShardUnit>
  readonly encoding: Encoding
  readonly times: HandOverTimes
  readonly newAttempt: () => string
  readonly clock: Clock
  readonly log: Logger
  readonly onAttempt: PairHandOversOptions["onAttempt"]
}

interface Attached {
  readonly side: Side
  readonly shard: number
  readonly unit: ShardUnit
}

export class ReshardPart {
  readonly #options: ReshardPartOptions
  readonly #reshard: ReshardHead
  readonly #exchange: ClosableExchange
  readonly #handOvers: PairHandOvers
  /** By slot. */
  readonly #attached = new Map<number, Attached>()
  /** Those that were made for it: a shard may still have one of another reshard. */
  readonly #gates = new WeakSet<GuildGate>()

  constructor(reshard: ReshardHead, options: ReshardPartOptions) {
    this.#options = options
    this.#reshard = reshard
    this.#exchange = options.newExchange(reshard)
    const { from, to } = reshard
    this.#handOvers = new PairHandOvers({ ...options, exchange: this.#exchange, from, to })
  }

  get id(): string {
    return this.#reshard.id
  }

  /** Null for a shard of neither set. */
  sideOf(slot: number): Side | null {
    if (hasSlot(oldSet(this.#reshard), slot)) return "old"
    return hasSlot(newSet(this.#reshard), slot) ? "new" : null
  }

  /**
   * What decides which events of a shard are published. Null for a shard of neither set.
   * @throws what Redis throws
   */
  async newGate({ slot, shard, count }: ShardPlace): Promise<GuildGate | null> {
    const { encoding, times, clock } = this.#options
    const side = this.sideOf(slot)
    if (side === null) return null
    const others = side === "old" ? this.#reshard.to : this.#reshard.from
    const changes = await this.#exchange.begin(side, shard)
    const gate = new GuildGate({ side, shard, count, others, encoding, times, changes, clock })
    this.#gates.add(gate)
    return gate
  }

  handOver({ shard, to }: ReshardOrder): void {
    this.#handOvers.handOver(shard, to)
  }

  /** Those that run here take part, also if they ran before the bot was resharded. */
  async attach(): Promise<void> {
    const units = this.#options.units()
    this.detachGone()
    for (const [slot, unit] of units) {
      const side = this.sideOf(slot)
      if (side === null || this.#attached.has(slot)) continue
      const gate = this.#isGated(unit) ? null : await this.newGate(unit.place)
      if (units.get(slot) !== unit) continue
      if (gate !== null) unit.attach(gate)
      if (unit.gated === null) continue
      const { shard } = unit.place
      this.#attached.set(slot, { side, shard, unit })
      this.#handOvers.attach(side, shard, unit.gated)
    }
  }

  /** What is a shard's may not be touched any more once it has left this process. */
  detachGone(): void {
    const units = this.#options.units()
    for (const [slot, { side, shard, unit }] of this.#attached) {
      if (units.get(slot) === unit) continue
      this.#attached.delete(slot)
      this.#handOvers.detach(side, shard)
    }
  }

  /**
   * Nothing is held back any more.
   * @param stays whose events are published without a question from now on; null: those of both
   */
  letGo(stays: Side | null): void {
    this.close()
    for (const [slot, unit] of this.#options.units()) {
      const isFree = stays === null || this.sideOf(slot) === stays
      if (isFree && this.#isGated(unit)) unit.detach()
    }
  }

  close(): void {
    this.#handOvers.close()
    this.#exchange.close()
  }

  #isGated({ gated }: ShardUnit): boolean {
    return gated !== null && this.#gates.has(gated.gate)
  }
}
