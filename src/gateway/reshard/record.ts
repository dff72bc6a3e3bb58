// The port to what is kept of a reshard: the record that the next leader needs, who leads, which new shards are live, and
// the orders of the leader. What a pair of shards agrees on goes through exchange.ts.

import type { ShardSet } from "../shard-set.ts"
import type { Side } from "./change.ts"
import type { ReshardPhase, ReshardRecord } from "./state.ts"

/** What does not grow with the number of shards. */
export interface ReshardHead extends Omit<ReshardRecord, "cut"> {
  /** The slots of the shards 0 of both sets. */
  readonly fromSlot: number
  readonly toSlot: number
}

export interface Reshard extends ReshardHead, ReshardRecord {
  /** New shards that are connected and ready. */
  readonly live: readonly number[]
}

export interface ReshardPlan {
  /** Unique among the bot's reshards. */
  readonly id: string
  /** What the bot has now. */
  readonly from: number
  readonly to: number
  /** What shards.count says now, 0 for nothing: for as long as it says so, the new count holds. */
  readonly configured: number
}

/** `running`: there is one already. `other-count`: the bot does not have `from` shards. `nobody`: no gateway runs. */
export type Beginning = "begun" | "running" | "other-count" | "nobody"

export interface ReshardOrder {
  /** A new shard, whose guilds are to change hands. */
  readonly shard: number
  readonly to: Side
}

/** Every promise rejects where Redis does not answer: nobody knows then what was done, and it may be done again. */
export interface Reshards {
  /** The one that runs, or the last one; null: the bot was never resharded. */
  head(): Promise<ReshardHead | null>
  /** All of it. */
  read(): Promise<Reshard | null>
  begin(plan: ReshardPlan): Promise<Beginning>
  /** Changes nothing unless the phase is `from`, and for `done` and `undone` unless every shard of the closing set has ended. */
  advance(id: string, from: ReshardPhase, to: ReshardPhase, reason: string | null): Promise<void>
  /**
   * While it is `closing`, the new set becomes the bot's, and the old one closes; while it is `undoing`, the new one does.
   * @returns whether every shard of that set has ended
   */
  closeSet(id: string): Promise<boolean>
  setLive(id: string, shard: number, isLive: boolean): Promise<void>
  /** @returns whether `node` leads for `leaseMs` from now on */
  lead(node: string, leaseMs: number): Promise<boolean>
  /** Somebody else may lead at once. */
  resign(node: string): Promise<void>
  /** Tells every process. Lost where nobody listens: it is given again. */
  order(order: ReshardOrder): Promise<void>
  onOrder(listener: (order: ReshardOrder) => void): void
  /** The record has changed. May be lost. */
  onChange(listener: () => void): void
}

export function oldSet({ fromSlot, from }: ReshardHead): ShardSet {
  return { firstSlot: fromSlot, count: from }
}

export function newSet({ toSlot, to }: ReshardHead): ShardSet {
  return { firstSlot: toSlot, count: to }
}

export function isRunning<R extends ReshardHead>(reshard: R | null): reshard is R {
  return reshard !== null && reshard.phase !== "done" && reshard.phase !== "undone"
}
