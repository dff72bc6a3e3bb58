// The process that leads a reshard: finds out from what is stored what happened, and carries out what step.ts decides. It
// keeps nothing that the next leader would miss: when Redis fails it forgets all, and begins anew from the record.

import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import type { Side } from "./change.ts"
import type { Reshard, Reshards } from "./record.ts"
import { ledBy, type ReshardEffect, type ReshardInput, type ReshardState } from "./state.ts"
import { step } from "./step.ts"

/** Orders may be lost, and lapse. */
const REPEAT_ORDER_MS = 5_000
/** A hand-over that failed is put off for so long. */
const RETRY_MS = 5_000

export interface LeaderOptions {
  readonly reshards: Reshards
  readonly clock: Clock
  readonly log: Logger
  /** So long the guilds of a shard may take to change hands, until others are tried first. */
  readonly handOverWithinMs: number
  readonly onFailed: () => void
}

/** Of the new set: all shards, those that are connected and ready, and those that have taken their guilds over. */
export interface ReshardProgress {
  readonly total: number
  readonly live: number
  readonly cut: number
}

interface InHand {
  readonly to: Side
  readonly sinceMs: number
  orderedMs: number
}

export class ReshardLeader {
  readonly #options: LeaderOptions
  #state: ReshardState
  /** Inputs that follow from what was carried out. Bounded by what is seen at a time. */
  #inputs: ReshardInput[] = [{ type: "lead" }]
  readonly #inHand = new Map<number, InHand>()
  #retryMs: number | null = null

  constructor(reshard: Reshard, options: LeaderOptions) {
    this.#options = options
    this.#state = { ...ledBy(reshard), live: new Set(reshard.live) }
  }

  get id(): string {
    return this.#state.record.id
  }

  get progress(): ReshardProgress {
    const { record, live } = this.#state
    return { total: record.to, live: live.size, cut: record.cut.length }
  }

  /**
   * Does what is due. One call at a time.
   * @param reshard what is stored now
   * @throws what Redis throws: then another leader begins anew
   */
  async see(reshard: Reshard): Promise<void> {
    this.#inputs.push(...this.#news(reshard), ...this.#due())
    for (let input = this.#inputs.shift(); input !== undefined; input = this.#inputs.shift()) {
      const { state, effects } = step(this.#state, input)
      this.#state = state
      for (const effect of effects) await this.#carryOut(effect)
    }
    await this.#repeatOrders()
  }

  /** What has changed since it looked last. */
  #news(reshard: Reshard): readonly ReshardInput[] {
    const { record, live } = this.#state
    const news: ReshardInput[] = []
    // Somebody else has changed the phase: an operator, or a process that Discord refuses.
    if (reshard.phase !== record.phase) news.push({ type: "stored", record: reshard })
    else {
      news.push({ type: "handed-over", shards: minus(reshard.cut, record.cut), to: "new" })
      news.push({ type: "handed-over", shards: minus(record.cut, reshard.cut), to: "old" })
    }
    news.push({ type: "live", shards: minus(reshard.live, [...live]), isLive: true })
    news.push({ type: "live", shards: minus([...live], reshard.live), isLive: false })
    return news.filter((input) => !("shards" in input) || input.shards.length > 0)
  }

  /** What the time has come for. */
  #due(): readonly ReshardInput[] {
    const { clock, handOverWithinMs, onFailed, log } = this.#options
    const nowMs = clock.nowMs()
    const due: ReshardInput[] = []
    for (const [shard, { sinceMs, to }] of this.#inHand) {
      if (nowMs < sinceMs + handOverWithinMs) continue
      this.#inHand.delete(shard)
      onFailed()
      log.warn({ shard, to }, "the guilds of a new shard could not change hands in time; trying again later")
      due.push({ type: "not-handed-over", shards: [shard] })
    }
    const { phase } = this.#state.record
    const isClosing = phase === "closing" || phase === "undoing"
    if (isClosing || (this.#retryMs !== null && nowMs >= this.#retryMs)) {
      this.#retryMs = null
      due.push({ type: "retry" })
    }
    return due
  }

  async #carryOut(effect: ReshardEffect): Promise<void> {
    const { reshards, clock, log } = this.#options
    const { id, phase } = this.#state.record
    switch (effect.type) {
      case "store": {
        await reshards.advance(id, phase, effect.phase, effect.reason)
        const stored = await reshards.read()
        if (stored?.id !== id) throw new Error("the reshard that is led here is not the one that is stored")
        if (stored.phase !== phase) log.info({ phase: stored.phase, reason: stored.reason }, "the reshard goes on")
        this.#inputs.push({ type: "stored", record: stored })
        return
      }
      case "open":
        // Whoever has a lease of a shard of the new set starts it.
        return
      case "hand-over": {
        const nowMs = clock.nowMs()
        this.#inHand.set(effect.shard, { to: effect.to, sinceMs: nowMs, orderedMs: nowMs })
        return reshards.order({ shard: effect.shard, to: effect.to })
      }
      case "close":
        if (await reshards.closeSet(id)) this.#inputs.push({ type: "closed", set: effect.set })
        return
      case "retry-later":
        this.#retryMs ??= clock.nowMs() + RETRY_MS
        return
      case "finished":
        return
    }
  }

  async #repeatOrders(): Promise<void> {
    const { reshards, clock } = this.#options
    for (const [shard, inHand] of this.#inHand) {
      if (!this.#state.inHand.has(shard)) {
        this.#inHand.delete(shard)
        continue
      }
      if (clock.nowMs() < inHand.orderedMs + REPEAT_ORDER_MS) continue
      inHand.orderedMs = clock.nowMs()
      await reshards.order({ shard, to: inHand.to })
    }
  }
}

function minus(these: readonly number[], those: readonly number[]): readonly number[] {
  const without = new Set(those)
  return these.filter((one) => !without.has(one))
}
