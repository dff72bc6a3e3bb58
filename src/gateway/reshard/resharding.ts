// The part of one process while the bot is resharded: its shards of both sets have gates, it does what the leader orders, and
// leads when nobody else does. While the ledger knows one set of shards, this does nothing at all.

import { sleep } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import { hasSlot, type ShardPlace } from "../shard-set.ts"
import type { ShardUnit } from "../shard-unit.ts"
import type { GuildGate } from "./guild-gate.ts"
import { ReshardLeader, type ReshardProgress } from "./leader.ts"
import { ReshardPart, type ReshardPartOptions } from "./part.ts"
import { isRunning, newSet, type ReshardHead, type Reshards } from "./record.ts"

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

export interface ReshardingOptions extends Omit<ReshardPartOptions, "onAttempt"> {
  readonly reshards: Reshards
  /** Among the bot's processes. */
  readonly node: string
  readonly on: {
    readonly attempt: ReshardPartOptions["onAttempt"]
    /** The guilds of a new shard could not change hands in time. */
    readonly failed: () => void
  }
}

export class Resharding {
  readonly #options: ReshardingOptions
  #isOn = false
  #reshard: ReshardHead | null = null
  /** As it was while it ran. */
  #last: ReshardHead | null = null
  /** What was told of shards of the new set, by shard: of which unit, and when. */
  readonly #told = new Map<
    number,
    { readonly unit: ShardUnit | undefined; readonly isLive: boolean; readonly atMs: number }
  >()
  #part: ReshardPart | null = null
  #leader: ReshardLeader | null = null
  #isReading = false
  #isDue = false
  #cancelRead = (): void => {}
  #isClosed = false

  constructor(options: ReshardingOptions) {
    this.#options = options
    options.reshards.onOrder((order) => this.#part?.handOver(order))
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
    return (await this.#partIn(reshard).newGate(place)) ?? undefined
  }

  /** Shards have left this process: what is theirs may not be touched any more. */
  unitsChanged(): void {
    this.#part?.detachGone()
  }

  /** A shard's connection came up, or went down. */
  live(place: ShardPlace, isLive: boolean): void {
    const part = this.#part
    if (part?.sideOf(place.slot) !== "new") return
    const { reshards, clock, units } = this.#options
    this.#told.set(place.shard, { unit: units().get(place.slot), isLive, atMs: clock.nowMs() })
    // Where that is lost it is told again.
    reshards.setLive(part.id, place.shard, isLive).catch(() => this.#told.delete(place.shard))
  }

  /** Discord does not take a shard of the new set: what the old one has it keeps. */
  async refused(place: ShardPlace, remedy: string): Promise<void> {
    const { reshards, clock, log } = this.#options
    const reason = `Discord refuses shard ${place.shard} of ${place.count}: ${remedy}`
    while (!this.#isClosed) {
      try {
        const reshard = await reshards.head()
        if (!isRunning(reshard) || !hasSlot(newSet(reshard), place.slot)) return
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
    this.#part?.close()
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
    if (this.#part !== null && this.#part.id !== (isRunning(reshard) ? reshard.id : null)) this.#letGo(reshard)
    if (!isRunning(reshard)) return
    const part = this.#partIn(reshard)
    this.#last = reshard
    await part.attach()
    this.#tellLive(part)
  }

  #partIn(reshard: ReshardHead): ReshardPart {
    if (this.#part?.id === reshard.id) return this.#part
    if (this.#part !== null) this.#letGo(reshard)
    const { on, ...options } = this.#options
    this.#part = new ReshardPart(reshard, { ...options, onAttempt: on.attempt })
    return this.#part
  }

  /** Of every shard once, and again now and then: what was told may be lost. */
  #tellLive(part: ReshardPart): void {
    const againMs = this.#options.clock.nowMs() - TELL_AGAIN_MS
    for (const unit of this.#options.units().values()) {
      if (part.sideOf(unit.place.slot) !== "new") continue
      const isLive = unit.status.phase === "live"
      const told = this.#told.get(unit.place.shard)
      if (told?.unit !== unit || told.isLive !== isLive || told.atMs < againMs) this.live(unit.place, isLive)
    }
  }

  /** The reshard is over. @param reshard what is stored now */
  #letGo(reshard: ReshardHead | null): void {
    const isForgotten = reshard?.id !== this.#part?.id
    // Redis has lost it: the set stays that was the bot's, and the other one's shards are taken away in a moment.
    const stays = this.#last?.phase === "closing" ? "new" : "old"
    this.#part?.letGo(isForgotten ? stays : null)
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
