// A guild between two sessions: what each side remembers and holds back.

import { describe, expect, test } from "bun:test"
import {
  type Change,
  HeldBack,
  type HeldEvent,
  HOLD_MS,
  MOST_EVENTS,
  Published,
  publishes,
  TAIL_MS,
} from "../../../src/gateway/reshard/hand-over.ts"

const event = (sequence: number, atMs: number, digest = `e${sequence}`): HeldEvent => ({ sequence, atMs, digest })
const LATER = 10 * HOLD_MS

describe("who publishes an event", () => {
  const over: Change = { to: "new", oldSequence: 100, newSequence: 7 }
  const back: Change = { to: "old", oldSequence: 150, newSequence: 60 }

  test("is the old session, until the guild changes hands at a sequence of each", () => {
    expect(publishes("old", 5, [])).toBe(true)
    expect(publishes("new", 5, [])).toBe(false)
    expect([99, 100, 101].map((sequence) => publishes("old", sequence, [over]))).toEqual([true, true, false])
    expect([6, 7, 8].map((sequence) => publishes("new", sequence, [over]))).toEqual([false, false, true])
  })

  test("is the old one again after the way back, and a replay is decided as its events were", () => {
    expect([100, 101, 150, 151].map((sequence) => publishes("old", sequence, [over, back]))).toEqual([
      true,
      false,
      false,
      true,
    ])
    expect([7, 8, 60, 61].map((sequence) => publishes("new", sequence, [over, back]))).toEqual([
      false,
      true,
      true,
      false,
    ])
  })
})

describe("the side that publishes", () => {
  test("tells what it published last, and nothing while it may not know all of it", () => {
    const published = new Published(0)
    expect(published.tail(TAIL_MS - 1)).toBeNull()
    expect(published.tail(TAIL_MS)).toEqual([])
    published.add("a", LATER)
    published.add("b", LATER + 10)
    expect(published.tail(LATER + TAIL_MS)).toEqual(["b"])
  })
})

describe("the side that holds back", () => {
  test("takes over behind the last event that was published", () => {
    const held = new HeldBack(0, 3)
    for (let sequence = 4; sequence < 9; sequence += 1) held.add(event(sequence, LATER))
    expect(held.take(["e4", "e5"], LATER)).toEqual({
      type: "taken",
      after: 5,
      events: [event(6, LATER), event(7, LATER), event(8, LATER)],
    })
  })

  test("takes over a quiet guild at nothing, once it knows that it is quiet", () => {
    const held = new HeldBack(0, 3)
    expect(held.take([], HOLD_MS - 1)).toEqual({ type: "later" })
    expect(held.take([], HOLD_MS)).toEqual({ type: "taken", after: 3, events: [] })
    held.add(event(4, LATER))
    expect(held.take([], LATER + 10)).toMatchObject({ after: 3, events: [{ sequence: 4 }] })
    // So long ago, the other side had it too.
    expect(held.take([], LATER + TAIL_MS)).toEqual({ type: "taken", after: 4, events: [] })
  })

  test("waits for what was published and has not come", () => {
    const held = new HeldBack(0, 3)
    held.add(event(4, LATER))
    expect(held.take(["e4", "e5"], LATER)).toEqual({ type: "later" })
  })

  test("does not take over when more came than can be held back", () => {
    const held = new HeldBack(0, 0)
    for (let sequence = 1; sequence < 3 * MOST_EVENTS; sequence += 1) held.add(event(sequence, LATER + sequence))
    const nowMs = LATER + 3 * MOST_EVENTS
    expect(held.take(["e5"], nowMs).type).toBe("later")
    expect(held.take([], nowMs).type).toBe("later")
    const lastOnes = (count: number) => Array.from({ length: count }, (_, i) => `e${3 * MOST_EVENTS - 1 - count + i}`)
    expect(held.take(lastOnes(1), nowMs)).toEqual({ type: "later" })
    expect(held.take(lastOnes(40), nowMs)).toMatchObject({
      type: "taken",
      events: [{ sequence: 3 * MOST_EVENTS - 1 }],
    })
  })

  test("says so when the other's events are not these, and can take all it holds", () => {
    const held = new HeldBack(0, 0)
    held.add(event(1, LATER))
    expect(held.take(["another"], LATER)).toEqual({ type: "nowhere" })
    expect(held.takeAll(LATER)).toEqual({ type: "taken", after: 0, events: [event(1, LATER)] })
  })

  test("tells from which sequence on nothing may count as received", () => {
    const held = new HeldBack(0, 99)
    expect(held.heldFrom).toBeNull()
    held.add(event(100, 0))
    held.add(event(101, 10))
    expect(held.heldFrom).toBe(100)
    held.add(event(102, HOLD_MS + 5))
    expect(held.heldFrom).toBe(101)
  })
})
