// Which shards of two sets share guilds. A guild is on shard `x % count` for x = guild_id >> 22, so an old and a new shard
// share guilds when they are equal modulo the greatest common divisor of the two counts.

/** Shard `shard` of `count`: the shards of a set of `others` that share guilds with it, ascending. */
export function sharersOf(shard: number, count: number, others: number): readonly number[] {
  const step = greatestCommonDivisor(count, others)
  return Array.from({ length: others / step }, (_, index) => (shard % step) + index * step)
}

/** Pairs of shards that share guilds: each is one agreement about who publishes. The fewest when one count divides the other. */
export function pairCount(from: number, to: number): number {
  return (from * to) / greatestCommonDivisor(from, to)
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
