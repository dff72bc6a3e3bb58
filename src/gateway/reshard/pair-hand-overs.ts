// The part of one process in a reshard: its shards of both sets, and what they agree on with those that share guilds with them,
// wherever these run. What the leader orders is done until it succeeds; that it did is seen in what is stored.

import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import { otherSide, type Pair, type PairChange, type Side } from "./change.ts"
import type { Offer, PairExchange } from "./exchange.ts"
import { Freshness, type GatedShard } from "./gated-shard.ts"
import { Giving, giverOf } from "./giving.ts"
import type { HandOverTimes } from "./hand-over.ts"
import { sharersOf } from "./pairs.ts"
import { type AttemptResult, Taking } from "./taking.ts"

/** An order that is not given again for so long is over: a leader repeats what is not done. */
export const ORDER_LASTS_MS = 60_000

export interface PairHandOversOptions {
  readonly exchange: PairExchange
  /** Shards of the old set, and of the new one. */
  readonly from: number
  readonly to: number
  readonly times: HandOverTimes
  readonly clock: Clock
  /** Unique among all processes. */
  readonly newAttempt: () => string
  readonly log: Logger
  readonly onAttempt: (result: AttemptResult) => void
}

interface Member {
  readonly side: Side
  readonly number: number
  readonly shard: GatedShard
  readonly freshness: Freshness
  /** By the other shard of the pair. */
  readonly takings: Map<number, Taking>
  readonly givings: Map<number, Giving>
  /** When each other shard last asked that what is published be remembered. */
  readonly askedMs: Map<number, number>
}

export class PairHandOvers {
  readonly #options: PairHandOversOptions
  readonly #members = new Map<string, Member>()
  /** By new shard. */
  readonly #orders = new Map<number, { readonly to: Side; readonly givenMs: number }>()
  #cancelTick: () => void = () => {}
  #readMs: number
  #isClosed = false

  constructor(options: PairHandOversOptions) {
    const { exchange, clock } = options
    this.#options = options
    this.#readMs = clock.nowMs()
    exchange.listen({
      asked: (pair, to, attempt) => this.#onAsked(pair, to, attempt),
      offered: (pair, to, offer) => this.#onOffered(pair, to, offer),
      declined: (pair, attempt) => this.#onDeclined(pair, attempt),
      settled: (pair, change) => this.#onSettled(pair, change),
    })
    this.#tickLater()
  }

  /** A shard runs here, and its gate decides by what `exchange.begin` said of it. */
  attach(side: Side, number: number, shard: GatedShard): void {
    this.detach(side, number)
    const { times, clock } = this.#options
    const freshness = new Freshness(shard, times, () => clock.nowMs())
    const lists = { takings: new Map(), givings: new Map(), askedMs: new Map() }
    this.#members.set(keyOf(side, number), { side, number, shard, freshness, ...lists })
  }

  /** The shard does not run here any more. */
  detach(side: Side, number: number): void {
    const member = this.#members.get(keyOf(side, number))
    if (member === undefined) return
    this.#members.delete(keyOf(side, number))
    for (const taking of member.takings.values()) taking.close()
    for (const giving of member.givings.values()) giving.close()
  }

  /** The guilds of a new shard are to be published by the new shard, or by the old set again. Told to every process, again and again. */
  handOver(newShard: number, to: Side): void {
    this.#orders.set(newShard, { to, givenMs: this.#options.clock.nowMs() })
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTick()
    for (const { side, number } of [...this.#members.values()]) this.detach(side, number)
  }

  #tickLater(): void {
    const { clock, times } = this.#options
    if (this.#isClosed) return
    this.#cancelTick = clock.after(times.skewMs / 50, () => {
      this.#tick()
      this.#tickLater()
    })
  }

  #tick(): void {
    const { clock, times } = this.#options
    const nowMs = clock.nowMs()
    for (const [shard, { givenMs }] of this.#orders) if (givenMs < nowMs - ORDER_LASTS_MS) this.#orders.delete(shard)
    for (const [newShard, { to }] of this.#orders) this.#begin(newShard, to)
    for (const member of this.#members.values()) {
      for (const [other, taking] of member.takings) this.#tickTaking(member, other, taking)
      for (const [other, askedMs] of member.askedMs) {
        if (askedMs > nowMs - 2 * times.holdMs) {
          member.freshness.watch()
          continue
        }
        member.askedMs.delete(other)
        member.shard.gate.forget(other, "remembering")
      }
    }
    if (nowMs < this.#readMs + times.skewMs) return
    this.#readMs = nowMs
    for (const member of this.#members.values()) void this.#read(member)
  }

  /** Those shards that run here begin to take over what was ordered. */
  #begin(newShard: number, to: Side): void {
    const { from, to: count } = this.#options
    for (const old of sharersOf(newShard, count, from)) {
      const pair = { old, new: newShard }
      const member = this.#members.get(keyOf(to, pair[to]))
      const other = giverOf(pair, to)
      if (member === undefined || member.takings.has(other) || member.shard.gate.isPublisher(other)) continue
      const { shard, freshness } = member
      member.takings.set(other, new Taking({ ...this.#options, pair, to, shard, freshness }))
    }
  }

  #tickTaking(member: Member, other: number, taking: Taking): void {
    const newShard = member.side === "new" ? member.number : other
    const isOrdered = this.#orders.get(newShard)?.to === member.side
    if (isOrdered && !taking.isDone) return taking.tick()
    if (taking.isSettling) return
    member.takings.delete(other)
    taking.close()
  }

  #onAsked(pair: Pair, to: Side, attempt: string | null): void {
    const side = otherSide(to)
    const member = this.#members.get(keyOf(side, pair[side]))
    const other = pair[to]
    if (member === undefined || !member.shard.gate.isPublisher(other)) return
    member.askedMs.set(other, this.#options.clock.nowMs())
    member.shard.gate.remember(other)
    if (attempt === null || member.givings.has(other)) return
    const { shard, freshness } = member
    const giving = new Giving({ ...this.#options, pair, to, attempt, shard, freshness })
    member.givings.set(other, giving)
    void giving.run().finally(() => {
      if (member.givings.get(other) === giving) member.givings.delete(other)
    })
  }

  #onOffered(pair: Pair, to: Side, offer: Offer): void {
    this.#members.get(keyOf(to, pair[to]))?.takings.get(giverOf(pair, to))?.offered(offer)
  }

  #onDeclined(pair: Pair, attempt: string): void {
    for (const giving of this.#givingsOf(pair)) if (giving.attempt === attempt) giving.declined()
  }

  #onSettled(pair: Pair, change: PairChange): void {
    for (const side of ["old", "new"] as const) {
      this.#members.get(keyOf(side, pair[side]))?.shard.gate.changedOnce(pair[otherSide(side)], change)
    }
    for (const giving of this.#givingsOf(pair)) if (giving.attempt === change.attempt) giving.settled()
  }

  #givingsOf(pair: Pair): readonly Giving[] {
    const found = (["old", "new"] as const).map((side) =>
      this.#members.get(keyOf(side, pair[side]))?.givings.get(pair[otherSide(side)]),
    )
    return found.filter((giving) => giving !== undefined)
  }

  /** What a server has forgotten that came back with less than it had is written in again. */
  async #read({ side, number, shard }: Member): Promise<void> {
    const { exchange, log } = this.#options
    try {
      const stored = await exchange.read(side, number)
      for (const other of shard.gate.others) {
        const known = shard.gate.changes(other)
        const changes = stored.get(other) ?? []
        if (changes.length > known.length) shard.gate.changed(other, changes)
        if (changes.length >= known.length) continue
        const pair = side === "old" ? { old: number, new: other } : { old: other, new: number }
        await exchange.restore(pair, known)
      }
    } catch (error) {
      log.debug({ err: error, side, shard: number }, "what is stored of a reshard could not be read; trying again")
    }
  }
}

function keyOf(side: Side, shard: number): string {
  return `${side} ${shard}`
}
