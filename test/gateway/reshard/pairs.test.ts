// Which shards of two sets share guilds.

import { expect, test } from "bun:test"
import { pairCount, sharersOf } from "../../../src/gateway/reshard/pairs.ts"

test.each([
  [8, 16],
  [16, 12],
  [12, 16],
  [7, 5],
  [1, 4],
  [4, 4],
])("from %d to %d shards the sharers are those that some guild is on", (from, to) => {
  const expected = new Map<number, Set<number>>()
  for (let x = 0; x < from * to; x += 1) {
    const shard = x % to
    expected.set(shard, (expected.get(shard) ?? new Set()).add(x % from))
  }
  let pairs = 0
  for (const [shard, sharers] of expected) {
    expect(sharersOf(shard, to, from)).toEqual([...sharers].sort((a, b) => a - b))
    pairs += sharers.size
  }
  expect(pairCount(from, to)).toBe(pairs)
})
