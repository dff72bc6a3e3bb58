// Events a second, for people.

import { expect, test } from "bun:test"
import { EventRates } from "../../../src/gateway/steering/rates.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

const counts = (...events: number[]) => new Float64Array(events)

test("a shard's rate is what came between two looks", () => {
  const clock = new FakeClock()
  const rates = new EventRates(clock)
  expect(rates.perSecond(0, counts(100, 50))).toBe(0)
  clock.advance(2_000)
  expect(rates.perSecond(0, counts(130, 60))).toBe(20)
})

test("looks that come too soon see the last rate", () => {
  const clock = new FakeClock()
  const rates = new EventRates(clock)
  rates.perSecond(0, counts(0))
  clock.advance(1_000)
  expect(rates.perSecond(0, counts(5))).toBe(5)
  clock.advance(10)
  expect(rates.perSecond(0, counts(500))).toBe(5)
})

test("another decoder's counts begin at 0", () => {
  const clock = new FakeClock()
  const rates = new EventRates(clock)
  rates.perSecond(0, counts(1_000))
  clock.advance(1_000)
  expect(rates.perSecond(0, counts(7))).toBe(7)
})

test("a shard that left is forgotten", () => {
  const clock = new FakeClock()
  const rates = new EventRates(clock)
  rates.perSecond(3, counts(10))
  rates.keep(new Map())
  clock.advance(1_000)
  expect(rates.perSecond(3, counts(20))).toBe(0)
})
