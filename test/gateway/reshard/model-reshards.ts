// The record of a reshard as a plain value, over the ledger's model: what the scripts in Redis must do, for tests without a
// server. The same contract suite runs over both.

import { sharersOf } from "../../../src/gateway/reshard/pairs.ts"
import type { ReshardHead, ReshardOrder, Reshards } from "../../../src/gateway/reshard/record.ts"
import type { ModelLedger } from "../fleet/model-ledger.ts"

export class ModelReshards implements Reshards {
  readonly #ledger: ModelLedger
  readonly #nowMs: () => number
  #record: ReshardHead | null = null
  #configured = 0
  /** "old:new" */
  readonly over = new Set<string>()
  readonly #live = new Set<number>()
  #leader: { readonly node: string; readonly untilMs: number } | null = null
  readonly #onOrder: ((order: ReshardOrder) => void)[] = []
  readonly #onChange: (() => void)[] = []

  constructor(ledger: ModelLedger, nowMs: () => number) {
    this.#ledger = ledger
    this.#nowMs = nowMs
  }

  async head(): ReturnType<Reshards["head"]> {
    return this.#record
  }

  async read(): ReturnType<Reshards["read"]> {
    if (this.#record === null) return null
    const { from, to, phase } = this.#record
    const isCut = (shard: number) => {
      const pairs = sharersOf(shard, to, from).map((old) => this.over.has(`${old}:${shard}`))
      return phase === "undoing" ? pairs.includes(true) : !pairs.includes(false)
    }
    const cut = Array.from({ length: to }, (_, shard) => shard).filter(isCut)
    return { ...this.#record, cut, live: [...this.#live] }
  }

  async begin({ id, from, to, configured }: Parameters<Reshards["begin"]>[0]): ReturnType<Reshards["begin"]> {
    const last = this.#record
    if (last !== null && last.phase !== "done" && last.phase !== "undone") return "running"
    const { set, nodes } = this.#ledger.book(this.#nowMs())
    if (nodes.length === 0) return "nobody"
    if (set.count !== from) return "other-count"
    const toSlot = Math.max(set.firstSlot + set.count, last === null ? 0 : last.toSlot + last.to)
    this.over.clear()
    this.#live.clear()
    this.#configured = configured
    this.#record = { id, from, to, fromSlot: set.firstSlot, toSlot, phase: "opening", reason: null }
    this.#ledger.beginReshard({ firstSlot: toSlot, count: to })
    this.#tell()
    return "begun"
  }

  async advance(...[id, from, to, reason]: Parameters<Reshards["advance"]>): Promise<void> {
    if (this.#record?.id !== id || this.#record.phase !== from) return
    if (to === "done" || to === "undone") {
      if (!this.#ledger.hasEnded) return
      this.#ledger.endReshard()
    }
    this.#record = { ...this.#record, phase: to, reason }
    this.#tell()
  }

  async closeSet(id: string): Promise<boolean> {
    if (this.#record?.id !== id) return false
    const { phase } = this.#record
    if (phase === "closing") this.#ledger.closeSet("old", this.#configured)
    if (phase === "undoing" && this.over.size === 0) this.#ledger.closeSet("new", this.#configured)
    return this.#ledger.hasEnded
  }

  async setLive(id: string, shard: number, isLive: boolean): Promise<void> {
    if (this.#record?.id !== id) return
    if (isLive) this.#live.add(shard)
    else this.#live.delete(shard)
    this.#tell()
  }

  async lead(node: string, leaseMs: number): Promise<boolean> {
    const nowMs = this.#nowMs()
    if (this.#leader !== null && this.#leader.node !== node && this.#leader.untilMs > nowMs) return false
    this.#leader = { node, untilMs: nowMs + leaseMs }
    return true
  }

  async resign(node: string): Promise<void> {
    if (this.#leader?.node === node) this.#leader = null
  }

  async order(order: ReshardOrder): Promise<void> {
    for (const listener of this.#onOrder) listener(order)
  }

  onOrder(listener: (order: ReshardOrder) => void): void {
    this.#onOrder.push(listener)
  }

  onChange(listener: () => void): void {
    this.#onChange.push(listener)
  }

  #tell(): void {
    for (const listener of this.#onChange) listener()
  }
}
