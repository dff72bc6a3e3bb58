import { expect, test } from "bun:test"
import { LEAST_WAY_MS, MOST_WAY_MS, Way } from "../../../src/proxy/limits/way.ts"

function after(times: readonly number[]): number {
  const way = new Way()
  for (const time of times) way.answered(time)
  return way.ms
}

test("is as long as it may be before anything is known", () => {
  expect(new Way().ms).toBe(MOST_WAY_MS)
})

test("is short where answers are steady, however long they take", () => {
  expect(after(Array(40).fill(300))).toBeWithin(LEAST_WAY_MS, LEAST_WAY_MS + 1)
})

test("grows with what they differ by, up to a bound", () => {
  expect(after(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 10 : 60)))).toBeWithin(110, 160)
  expect(after(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 10 : 2_000)))).toBe(MOST_WAY_MS)
})
