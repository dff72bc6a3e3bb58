import { expect, test } from "bun:test"
import { InHand } from "../../src/client/in-hand.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"

const NEVER = new AbortController().signal

test("counts what was taken until it is settled, once", () => {
  const inHand = new InHand()
  const settle = inHand.take()
  inHand.take()
  expect([settle(), settle(), inHand.count]).toEqual([true, false, 1])
})

test("lets a loop go on once fewer are in hand", async () => {
  const inHand = new InHand()
  const settle = inHand.take()
  let passed = false
  const waiting = inHand.below(1, NEVER).then(() => {
    passed = true
  })
  await Promise.resolve()
  expect(passed).toBe(false)
  settle()
  await waiting
})

test("lets a loop go when its signal aborts", async () => {
  const stop = new AbortController()
  const inHand = new InHand()
  inHand.take()
  const waiting = inHand.below(1, stop.signal)
  stop.abort()
  await waiting
  expect(inHand.count).toBe(1)
})

test("says whether everything was settled within the time", async () => {
  const clock = new FakeClock()
  const inHand = new InHand()
  const settle = inHand.take()
  const late = inHand.drained(100, clock)
  clock.advance(100)
  expect(await late).toBe(false)
  const early = inHand.drained(100, clock)
  settle()
  expect(await early).toBe(true)
})

test("counts at its parent, too", () => {
  const parent = new InHand()
  const settle = new InHand(parent).take()
  expect(parent.count).toBe(1)
  settle()
  expect(parent.count).toBe(0)
})
