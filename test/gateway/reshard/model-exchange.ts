// The exchange between the sides of pairs as Redis keeps it, in memory: what is stored, and who is told. How long a call takes,
// and whether its answer or a message is lost, is the test's to say.

import { otherSide, type Pair, type PairChange, publisherOf, type Side } from "../../../src/gateway/reshard/change.ts"
import type { ChangesByOther, ExchangeListener, PairExchange } from "../../../src/gateway/reshard/exchange.ts"
import { sharersOf } from "../../../src/gateway/reshard/pairs.ts"

export interface ModelExchangeWays {
  /** Does a step of the server, and gives its answer, or fails where it is lost. */
  readonly call: <T>(step: () => T) => Promise<T>
  /** Delivers a message, or not. */
  readonly tell: (deliver: () => void) => void
}

export const AT_ONCE: ModelExchangeWays = { call: async (step) => step(), tell: (deliver) => deliver() }

/** The server. */
export class ModelExchange {
  readonly from: number
  readonly to: number
  phase: "opening" | "cutting" | "closing" | "undoing" = "cutting"
  /** Another reshard runs by now. */
  isSuperseded = false
  /** Told when an offer or a change is stored, before anybody knows. */
  onStored: () => void = () => {}
  readonly #changes = new Map<string, readonly PairChange[]>()
  readonly #attempts = new Map<string, string>()
  /** How often somebody began with a shard. */
  readonly #begun = new Map<string, number>()
  readonly #listeners = new Set<{ readonly listener: ExchangeListener; readonly ways: ModelExchangeWays }>()

  constructor(from: number, to: number) {
    this.from = from
    this.to = to
  }

  /** By old and new shard. */
  changes({ old, new: newShard }: Pair): readonly PairChange[] {
    return this.#changes.get(`${old}:${newShard}`) ?? []
  }

  isOver(newShard: number): boolean {
    return this.#pairsOf("new", newShard).every((pair) => publisherOf(this.changes(pair)) === "new")
  }

  isBack(newShard: number): boolean {
    return this.#pairsOf("new", newShard).every((pair) => publisherOf(this.changes(pair)) === "old")
  }

  /** The server comes back with less than it had. */
  lose(pair: Pair, count: number): void {
    this.#changes.set(keyOf(pair), this.changes(pair).slice(0, -count))
    this.#attempts.clear()
  }

  /**
   * One process' face of it.
   * @param holds whether the process has the lease of a shard by now
   */
  connect(ways: ModelExchangeWays, holds: (side: Side, shard: number) => boolean = () => true): PairExchange {
    const { call } = ways
    const begun = new Map<string, number>()
    const owns = (side: Side, shard: number) => {
      const own = begun.get(`${side} ${shard}`) ?? 0
      return () => (this.#begun.get(`${side} ${shard}`) ?? 0) <= own
    }
    return {
      listen: (listener) => void this.#listeners.add({ listener, ways }),
      begin: async (side, shard) => {
        const owner = `${side} ${shard}`
        const beginning = await call(() => {
          if (!holds(side, shard)) return null
          for (const pair of this.#pairsOf(side, shard)) this.#attempts.delete(keyOf(pair))
          this.#begun.set(owner, (this.#begun.get(owner) ?? 0) + 1)
          return { number: this.#begun.get(owner) ?? 0, changes: this.#read(side, shard) }
        })
        if (beginning === null) throw new Error("the lease is another process's by now")
        begun.set(owner, beginning.number)
        return beginning.changes
      },
      read: (side, shard) => call(() => this.#read(side, shard)),
      ask: (pair, to, attempt) => call(() => this.#tell(({ asked }) => asked(pair, to, attempt))),
      offer: (pair, to, offer) => {
        const isOwner = owns(otherSide(to), pair[otherSide(to)])
        return call(() => {
          if (!this.#allows(to) || !isOwner()) return false
          this.#attempts.set(keyOf(pair), offer.attempt)
          this.#tell(({ offered }) => offered(pair, to, offer))
          this.onStored()
          return true
        })
      },
      decline: (pair, attempt) => call(() => this.#tell(({ declined }) => declined(pair, attempt))),
      settle: (pair, change) => {
        const isOwner = owns(change.to, pair[change.to])
        return call(() => this.#settle(pair, change, isOwner))
      },
      restore: (pair, changes) =>
        call(() => {
          if (!this.isSuperseded && changes.length > this.changes(pair).length) this.#changes.set(keyOf(pair), changes)
        }),
      withdraw: (pair, attempt) =>
        call(() => {
          const change = this.changes(pair).find((one) => one.attempt === attempt)
          if (change !== undefined) return { type: "over", change } as const
          if (this.#attempts.get(keyOf(pair)) === attempt) this.#attempts.delete(keyOf(pair))
          return { type: "withdrawn" } as const
        }),
    }
  }

  #settle(pair: Pair, change: PairChange, isOwner: () => boolean): boolean {
    const changes = this.changes(pair)
    if (changes.some(({ attempt }) => attempt === change.attempt)) return true
    if (this.#attempts.get(keyOf(pair)) !== change.attempt || !this.#allows(change.to) || !isOwner()) return false
    this.#attempts.delete(keyOf(pair))
    this.#changes.set(keyOf(pair), [...changes, change])
    this.#tell(({ settled }) => settled(pair, change))
    this.onStored()
    return true
  }

  #allows(to: Side): boolean {
    return !this.isSuperseded && this.phase === (to === "new" ? "cutting" : "undoing")
  }

  #tell(what: (listener: ExchangeListener) => void): void {
    for (const { listener, ways } of this.#listeners) ways.tell(() => what(listener))
  }

  #read(side: Side, shard: number): ChangesByOther {
    const other = side === "old" ? "new" : "old"
    const changesOf = (pair: Pair) => (this.isSuperseded ? [] : this.changes(pair))
    return new Map(this.#pairsOf(side, shard).map((pair) => [pair[other], changesOf(pair)]))
  }

  #pairsOf(side: Side, shard: number): readonly Pair[] {
    if (side === "old") return sharersOf(shard, this.from, this.to).map((other) => ({ old: shard, new: other }))
    return sharersOf(shard, this.to, this.from).map((other) => ({ old: other, new: shard }))
  }
}

function keyOf(pair: Pair): string {
  return `${pair.old}:${pair.new}`
}
