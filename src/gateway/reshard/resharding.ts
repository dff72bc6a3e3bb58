// The part of one process while the bot is resharded: its shards of both sets have gates, it does what the leader orders, and
// leads when nobody else does. While the ledger knows one set of shards, this does nothing at all.

import type { Encoding } from "../../codec/encoding.ts"
import { type Clock, sleep } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import type { Logger } from "../../ops/log.ts"
import { placeOf, type ShardPlace } from "../shard-set.ts"
import type { ShardUnit } from "../shard-unit.ts"
import type { Side } from "./change.ts"
import type { PairExchange } from "./exchange.ts"
import { GuildGate } from "./guild-gate.ts"
import type { HandOverTimes } from "./hand-over.ts"
import { ReshardLeader, type ReshardProgress } from "./leader.ts"
import { PairHandOvers, type PairHandOversOptions } from "./pair-hand-overs.ts"
import { isRunning, newSet, oldSet, type ReshardHead, type Reshards } from "./record.ts"

/** How often the record is read, beside when it is said to have changed. */
const READ_MS = 1_000
/** Words that it has changed come in crowds. */
const LEAST_READ_MS = 100
/** So long a leader may be silent. */
const LEAD_MS = 5_000
/** Of the time to hold back: so long the guilds of a shard may take to change hands. */
const HOLDS = 3
/** A shard is told again to be live, or not. */
const TELL_AGAIN_MS = 30_000
const RETRY_MS = 500
const RESIGN_WITHIN_MS = 250
const NEVER = new AbortController().signal

export interface ReshardingOptions {
  readonly reshards: Reshards
  /** Of one reshard. */
  readonly newExchange: (reshard: ReshardHead) => ClosableExchange
  /** Among the bot's processes. */
  readonly node: string
  /** What runs here, by slot. */
  readonly units: () => ReadonlyMap<number, ShardUnit>
  readonly encoding: Encoding
  readonly times: HandOverTimes
  readonly newAttempt: () => string
  readonly clock: Clock
  readonly log: Logger
  readonly on: {
    readonly attempt: PairHandOversOptions["onAttempt"]
    /** The guilds of a new shard could not change hands in time. */
    readonly failed: () => void
  }
}

/** `close`: listens no more. */
export type ClosableExchange = PairExchange & { readonly close: () => void }

/** A reshard that runs, as far as this process has a part in it. */
interface Part {
  readonly id: string
  readonly exchange: ClosableExchange
  readonly handOvers: PairHandOvers
  /** What is attached, by slot. */
  readonly attached: Map<number, { readonly side: Side; readonly shard: number; readonly unit: ShardUnit }>
  /** Those that were made for it: a shard may still have one of another reshard. */
  readonly gates: WeakSet<GuildGate>
}

export class Resharding {
  readonly #options: ReshardingOptions
  #isOn = false
  #reshard: ReshardHead | null = null
  /** What was told of shards of the new set, by shard, and when. */
  readonly #told = new Map<number, { readonly isLive: boolean; readonly atMs: number }>()
  #part: Part | null = null
  #leader: ReshardLeader | null = null
  #isReading = false
  #isDue = false
  #cancelRead = (): void => {}
  #isClosed = false

  constructor(options: ReshardingOptions) {
    this.#options = options
    options.reshards.onOrder(({ shard, to }) => this.#part?.handOvers.handOver(shard, to))
    // The record of a large bot is long: only who leads has to know at once.
    options.reshards.onChange(() => {
      if (this.#leader !== null) this.#soon(LEAST_READ_MS)
    })
  }

  /** The one that runs, as it was read last; null while none does. */
  get reshard(): ReshardHead | null {
    return isRunning(this.#reshard) ? this.#reshard : null
  }

  /** How far it is; null where another process leads. */
  get progress(): ReshardProgress | null {
    return this.#leader?.progress ?? null
  }

  /** @param isOn whether the ledger knows two sets of shards */
  ledgerRead(isOn: boolean): void {
    if (isOn === this.#isOn || this.#isClosed) return
    this.#isOn = isOn
    // Once more at the end: to let go.
    this.#soon(0)
  }

  /**
   * What decides which events of a shard are published; to be asked before it reads its first one.
   * @throws what Redis throws: without it the shard may not run
   */
  async gate(place: ShardPlace): Promise<GuildGate | undefined> {
    const reshard = await this.#options.reshards.head()
    if (!isRunning(reshard)) return undefined
    return (await this.#newGate(this.#partIn(reshard), reshard, place)) ?? undefined
  }

  /** Shards have left this process: what is theirs may not be touched any more. */
  unitsChanged(): void {
    if (this.#part !== null) this.#detachGone(this.#part)
  }

  /** A shard's connection came up, or went down. */
  live(place: ShardPlace, isLive: boolean): void {
    const reshard = this.reshard
    if (reshard === null || sideOf(reshard, place.slot) !== "new") return
    const { reshards, clock } = this.#options
    this.#told.set(place.shard, { isLive, atMs: clock.nowMs() })
    // Where that is lost it is told again.
    reshards.setLive(reshard.id, place.shard, isLive).catch(() => this.#told.delete(place.shard))
  }

  /** Discord does not take a shard of the new set: what the old one has it keeps. */
  async refused(place: ShardPlace, remedy: string): Promise<void> {
    const { reshards, clock, log } = this.#options
    const reason = `Discord refuses shard ${place.shard} of ${place.count}: ${remedy}`
    while (!this.#isClosed) {
      try {
        const reshard = await reshards.head()
        if (!isRunning(reshard) || sideOf(reshard, place.slot) !== "new") return
        log.error({}, reason)
        await reshards.advance(reshard.id, reshard.phase === "cutting" ? "cutting" : "opening", "undoing", reason)
        return
      } catch (error) {
        log.debug({ err: error }, "a reshard could not be undone; trying again")
        await sleep(clock, RETRY_MS, NEVER)
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelRead()
    this.#part?.handOvers.close()
    this.#part?.exchange.close()
    if (this.#leader === null) return
    const { reshards, node, clock } = this.#options
    // Where Redis does not answer, the lead lapses.
    await settlesWithin(clock, RESIGN_WITHIN_MS, reshards.resign(node)).catch(() => false)
  }

  #soon(delayMs: number): void {
    if (!(this.#isOn || this.#part !== null) || this.#isClosed) return
    this.#isDue = true
    if (this.#isReading) return
    this.#cancelRead()
    this.#cancelRead = this.#options.clock.after(delayMs, () => void this.#read())
  }

  async #read(): Promise<void> {
    const { reshards, log } = this.#options
    this.#isReading = true
    this.#isDue = false
    try {
      const reshard = await reshards.head()
      this.#reshard = reshard
      await this.#follow(reshard)
      await this.#lead(reshard)
    } catch (error) {
      this.#leader = null
      log.debug({ err: error }, "the reshard could not be looked after; trying again")
    }
    this.#isReading = false
    if (this.#isOn || this.#part !== null) this.#soon(this.#isDue ? LEAST_READ_MS : READ_MS)
  }

  /** Those of its shards that run here have gates. */
  async #follow(reshard: ReshardHead | null): Promise<void> {
    if (this.#part !== null && this.#part.id !== (isRunning(reshard) ? reshard.id : null)) this.#letGo(this.#part)
    if (!isRunning(reshard)) return
    await this.#attach(this.#partIn(reshard), reshard)
    this.#tellLive(reshard)
  }

  #partIn(reshard: ReshardHead): Part {
    if (this.#part?.id === reshard.id) return this.#part
    if (this.#part !== null) this.#letGo(this.#part)
    const { newExchange, times, clock, newAttempt, log, on } = this.#options
    const { id, from, to } = reshard
    const exchange = newExchange(reshard)
    const onAttempt = on.attempt
    const handOvers = new PairHandOvers({ exchange, times, clock, newAttempt, log, from, to, onAttempt })
    this.#part = { id, exchange, handOvers, attached: new Map(), gates: new WeakSet() }
    return this.#part
  }

  async #attach(part: Part, reshard: ReshardHead): Promise<void> {
    const { handOvers, attached } = part
    const units = this.#options.units()
    this.#detachGone(part)
    for (const [slot, unit] of units) {
      const side = sideOf(reshard, slot)
      if (side === null || attached.has(slot)) continue
      // It ran before the bot was resharded.
      const gate = isGatedFor(part, unit) ? null : await this.#newGate(part, reshard, unit.place)
      if (units.get(slot) !== unit) continue
      if (gate !== null) unit.attach(gate)
      if (unit.gated === null) continue
      const { shard } = unit.place
      attached.set(slot, { side, shard, unit })
      handOvers.attach(side, shard, unit.gated)
    }
  }

  #detachGone({ handOvers, attached }: Part): void {
    const units = this.#options.units()
    for (const [slot, { side, shard, unit }] of attached) {
      if (units.get(slot) === unit) continue
      attached.delete(slot)
      // Whoever has it next tells of it, and if it comes back here, so do we.
      this.#told.delete(shard)
      handOvers.detach(side, shard)
    }
  }

  async #newGate({ exchange, gates }: Part, reshard: ReshardHead, place: ShardPlace): Promise<GuildGate | null> {
    const { encoding, times, clock } = this.#options
    const side = sideOf(reshard, place.slot)
    if (side === null) return null
    const { shard, count } = place
    const others = side === "old" ? reshard.to : reshard.from
    const changes = await exchange.begin(side, shard)
    const gate = new GuildGate({ side, shard, count, others, encoding, times, changes, clock })
    gates.add(gate)
    return gate
  }

  /** Of every shard once, and again now and then: what was told may be lost. */
  #tellLive(reshard: ReshardHead): void {
    const againMs = this.#options.clock.nowMs() - TELL_AGAIN_MS
    for (const { place, status } of this.#options.units().values()) {
      if (sideOf(reshard, place.slot) !== "new") continue
      const isLive = status.phase === "live"
      const told = this.#told.get(place.shard)
      if (told?.isLive !== isLive || told.atMs < againMs) this.live(place, isLive)
    }
  }

  /** The reshard is over: nothing is held back any more. */
  #letGo(part: Part): void {
    part.handOvers.close()
    part.exchange.close()
    for (const unit of this.#options.units().values()) if (isGatedFor(part, unit)) unit.detach()
    this.#part = null
    this.#told.clear()
  }

  async #lead(reshard: ReshardHead | null): Promise<void> {
    const { reshards, node, clock, log, times, on } = this.#options
    if (!isRunning(reshard)) {
      this.#leader = null
      return
    }
    if (!(await reshards.lead(node, LEAD_MS))) {
      this.#leader = null
      return
    }
    const all = await reshards.read()
    if (all?.id !== reshard.id) return
    if (this.#leader?.id !== reshard.id) {
      log.info({ from: reshard.from, to: reshard.to, phase: reshard.phase }, "leading the reshard")
      const handOverWithinMs = HOLDS * times.holdMs
      this.#leader = new ReshardLeader(all, { reshards, clock, log, handOverWithinMs, onFailed: on.failed })
    }
    await this.#leader.see(all)
  }
}

function isGatedFor({ gates }: Part, { gated }: ShardUnit): boolean {
  return gated !== null && gates.has(gated.gate)
}

function sideOf(reshard: ReshardHead, slot: number): Side | null {
  if (placeOf(slot, [oldSet(reshard)]) !== null) return "old"
  return placeOf(slot, [newSet(reshard)]) === null ? null : "new"
}
