import { expect, test } from "bun:test"
import { firstSet, hasSlot, isSameSet, logFields, placeOf, slotsOf } from "../../src/gateway/shard-set.ts"

const OLD = firstSet(2)
const NEW = { firstSlot: 2, count: 3 }

test("a slot is one shard of one set", () => {
  expect([...slotsOf(OLD), ...slotsOf(NEW)]).toEqual([0, 1, 2, 3, 4])
  expect(placeOf(3, [OLD, NEW])).toEqual({ slot: 3, shard: 1, count: 3 })
  expect(placeOf(1, [OLD, NEW])).toEqual({ slot: 1, shard: 1, count: 2 })
  expect(placeOf(5, [OLD, NEW])).toBeNull()
  expect(hasSlot(NEW, 1)).toBe(false)
  expect(isSameSet(OLD, { firstSlot: 2, count: 2 })).toBe(false)
})

test("logs name it by its number, and by the count of its set once the bot was resharded", () => {
  expect(logFields({ slot: 1, shard: 1, count: 2 })).toEqual({ shard: 1 })
  expect(logFields({ slot: 3, shard: 1, count: 3 })).toEqual({ shard: 1, of: 3 })
})
