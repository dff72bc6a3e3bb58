import { expect, test } from "bun:test"
import { LEAST_WAY_MS, MOST_WAY_MS, wayOf } from "../../../src/proxy/limits/way.ts"

/** What is said of the last of some answers. */
function last(times: readonly number[]): number {
  const answers = { meanMs: Number.NaN, deviationMs: 0 }
  return times.map((time) => wayOf(answers, time)).at(-1) ?? Number.NaN
}

test("of the first answer, all of its time may have been the way there", () => {
  expect(last([200])).toBe(200)
  expect(last([2_000])).toBe(MOST_WAY_MS)
})

test("the way is short where answers are steady, however long they take", () => {
  expect(last(Array(40).fill(300))).toBeWithin(LEAST_WAY_MS, LEAST_WAY_MS + 1)
  expect(last(Array(40).fill(5))).toBe(5)
})

test("it grows with what answers differ by", () => {
  expect(last(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 100 : 160)))).toBeWithin(120, 161)
})

test("an answer that is late for once was late on its way", () => {
  expect(last([...Array(40).fill(20), 310])).toBe(310)
  expect(last([...Array(40).fill(20), 3_100])).toBe(MOST_WAY_MS)
})
