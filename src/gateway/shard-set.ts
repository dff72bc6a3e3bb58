// A bot's set of shards, and one integer for a shard of any set: the slot. While a bot is resharded it has two sets, of which
// each has a shard 0; their slots differ. The first set of N shards has the slots 0 to N-1, so that a bot that was never
// resharded has no other numbers than Discord's.

export interface ShardSet {
  /** The slot of its shard 0. */
  readonly firstSlot: number
  readonly count: number
}

/** A shard of a set. */
export interface ShardPlace {
  readonly slot: number
  readonly shard: number
  /** Of its set. */
  readonly count: number
}

/** The set of a bot that was never resharded. */
export function firstSet(count: number): ShardSet {
  return { firstSlot: 0, count }
}

export function isSameSet(a: ShardSet, b: ShardSet): boolean {
  return a.firstSlot === b.firstSlot && a.count === b.count
}

export function hasSlot({ firstSlot, count }: ShardSet, slot: number): boolean {
  return slot >= firstSlot && slot < firstSlot + count
}

/** Null where none of the sets has the slot. */
export function placeOf(slot: number, sets: readonly ShardSet[]): ShardPlace | null {
  const set = sets.find((one) => hasSlot(one, slot))
  return set === undefined ? null : { slot, shard: slot - set.firstSlot, count: set.count }
}

/** How logs name it: by its number, and by the count of its set where that is not the bot's first. */
export function logFields({ slot, shard, count }: ShardPlace): { readonly shard: number; readonly of?: number } {
  return slot === shard ? { shard } : { shard, of: count }
}

/** Ascending. */
export function slotsOf({ firstSlot, count }: ShardSet): readonly number[] {
  return Array.from({ length: count }, (_, shard) => firstSlot + shard)
}
