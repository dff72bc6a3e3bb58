import { expect, test } from "bun:test"
import { Ban, DOUBLES_EVERY_MS, FIRST_PER_SECOND, RAMP_MS } from "../../../src/proxy/limits/ban.ts"

test("nothing goes during a ban, and one when it is over, whatever a ban's further answers say", () => {
  const ban = new Ban()
  expect([ban.isFree, ban.opensAtMs(0)]).toEqual([true, 0])
  expect([ban.begin(60_000, 0), ban.begin(30_000, 1_000)]).toEqual([true, false])
  expect(ban.opensAtMs(10_000)).toBe(60_000)
  expect(ban.opensAtMs(60_000)).toBe(60_000)
  ban.take(60_000)
  expect(ban.opensAtMs(60_001)).toBeGreaterThan(60_001)
})

test("a probe that finds nobody, or has no answer for long, lets another one try", () => {
  const ban = new Ban()
  ban.begin(1_000, 0)
  ban.opensAtMs(1_000)
  ban.take(1_000)
  ban.unanswered()
  expect(ban.opensAtMs(1_001)).toBe(1_001)
  ban.take(1_001)
  expect(ban.opensAtMs(20_000)).toBe(20_000)
})

test("after the first answer the rate doubles, until nothing is held back", () => {
  const ban = new Ban()
  ban.begin(1_000, 0)
  ban.opensAtMs(1_000)
  ban.take(1_000)
  ban.answered(2_000)
  const went = (fromMs: number) => {
    let count = 0
    for (let nowMs = fromMs; nowMs < fromMs + DOUBLES_EVERY_MS; nowMs += 1) {
      if (ban.opensAtMs(nowMs) > nowMs) continue
      ban.take(nowMs)
      count += 1
    }
    return count
  }
  const first = (FIRST_PER_SECOND * DOUBLES_EVERY_MS) / 1_000
  expect(went(2_000)).toBeWithin(first - 1, first + 2)
  expect(went(2_000 + DOUBLES_EVERY_MS)).toBeWithin(2 * first - 2, 2 * first + 2)
  expect([ban.opensAtMs(2_000 + RAMP_MS), ban.isFree]).toEqual([2_000 + RAMP_MS, true])
})

test("a probe that is banned too begins a new ban", () => {
  const ban = new Ban()
  ban.begin(1_000, 0)
  ban.opensAtMs(1_000)
  ban.take(1_000)
  expect(ban.begin(5_000, 1_100)).toBe(true)
  expect(ban.opensAtMs(1_200)).toBe(6_100)
})
