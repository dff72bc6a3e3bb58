// A guild that changes hands between two sessions, over random traffic and delays.

import { describe, expect, test } from "bun:test"
import { MAX_WINDOW_EVENTS } from "../../../src/gateway/reshard/align.ts"
import { HeldBack, type HeldEvent, HOLD_MS, Published, SKEW_MS } from "../../../src/gateway/reshard/hand-over.ts"
import { seeded } from "../simulation/random.ts"

const SCHEDULES = 500
const CUT_MS = 100_000
const END_MS = 200_000

interface Event extends HeldEvent {
  readonly number: number
}

/** The order in which a session gets the events: each is late by its own delay, and none overtakes another. */
function arrivals(
  events: readonly { readonly number: number; readonly atMs: number; readonly digest: string }[],
  delayMs: () => number,
): Event[] {
  let lastMs = 0
  return events.map(({ number, atMs, digest }, sequence) => {
    lastMs = Math.max(lastMs, atMs + delayMs())
    return { number, digest, sequence, atMs: lastMs }
  })
}

/** @returns the numbers of the events that were published, in order */
function play(
  seed: number,
  variety: number,
): { readonly published: number[]; readonly sent: number; readonly exact: boolean } {
  const random = seeded(seed)
  const gapMs = random.pick([30, 400, 3_000, 60_000])
  const sent: { number: number; atMs: number; digest: string }[] = []
  for (let atMs = random.int(1_000); atMs < END_MS - 3 * SKEW_MS; atMs += 1 + random.int(2 * gapMs)) {
    sent.push({ number: sent.length, atMs, digest: variety === 0 ? `e${sent.length}` : `e${random.int(variety)}` })
  }
  const slowest = random.pick([5, 500, SKEW_MS / 2])
  const old = arrivals(sent, () => random.int(slowest))
  const next = arrivals(sent, () => random.int(slowest))
  const publishing = new Published()
  const holding = new HeldBack<Event>()
  const published: number[] = []
  const publish = ({ number }: Event) => published.push(number)
  // The old one stops at the cut; the new one hears of it a little later.
  const beforeCut = old.filter(({ atMs }) => atMs <= CUT_MS)
  for (const event of beforeCut) {
    publishing.add(event.digest, event.atMs)
    publish(event)
  }
  const tail = publishing.tail(CUT_MS)
  const takeMs = CUT_MS + random.int(2_000)
  for (const event of next.filter(({ atMs }) => atMs <= takeMs)) holding.add(event).forEach(publish)
  const taken = holding.take(tail, takeMs)
  if (taken === null) throw new Error("it holds too little")
  taken.events.forEach(publish)
  for (const event of next.filter(({ atMs }) => atMs > takeMs)) holding.add(event).forEach(publish)
  return { published, sent: sent.length, exact: taken.alignment.isExact }
}

describe("a guild that changes hands", () => {
  test("publishes every event once and in order, when events differ", () => {
    for (let seed = 0; seed < SCHEDULES; seed += 1) {
      const { published, sent, exact } = play(seed, 0)
      expect({ seed, exact, published }).toEqual({
        seed,
        exact: true,
        published: Array.from({ length: sent }, (_, i) => i),
      })
    }
  })

  test("leaves no event out when many are equal, and repeats few", () => {
    let repeated = 0
    let total = 0
    for (let seed = 0; seed < SCHEDULES; seed += 1) {
      const { published, sent } = play(seed, 3)
      total += sent
      repeated += published.length - sent
      expect({ seed, count: published.length >= sent }).toEqual({ seed, count: true })
    }
    expect(repeated).toBeLessThan(total / 1_000)
  })

  test("holds back no more than the last of it, and says from which sequence on", () => {
    const holding = new HeldBack<Event>()
    expect(holding.heldFrom).toBeNull()
    const event = (number: number, atMs: number) => ({ number, digest: `e${number}`, sequence: 100 + number, atMs })
    holding.add(event(0, 0))
    holding.add(event(1, 10))
    expect(holding.heldFrom).toBe(100)
    holding.add(event(2, HOLD_MS + 5))
    expect(holding.heldFrom).toBe(101)
  })

  test("does not change hands when more came than can be held back, and may once there is less", () => {
    const holding = new HeldBack<Event>()
    const event = (number: number, atMs: number) => ({ number, digest: `e${number}`, sequence: number, atMs })
    for (let i = 0; i < 3 * MAX_WINDOW_EVENTS; i += 1) holding.add(event(i, i))
    expect(holding.take(["e5"], 3 * MAX_WINDOW_EVENTS)).toBeNull()
    expect(holding.take([], 3 * MAX_WINDOW_EVENTS)).toBeNull()
    const last = 3 * MAX_WINDOW_EVENTS - 2
    expect(holding.take([`e${last}`], 3 * MAX_WINDOW_EVENTS)?.events.map(({ number }) => number)).toEqual([last + 1])
  })

  test("goes on with what comes, when what was awaited never does", () => {
    const holding = new HeldBack<Event>()
    const event = (digest: string, atMs: number) => ({ number: 0, digest, sequence: 1, atMs })
    holding.take(["a", "b"], 0)
    expect(holding.add(event("a", 10))).toEqual([])
    expect(holding.add(event("x", 20))).toHaveLength(1)
    expect(holding.add(event("b", 30))).toHaveLength(1)
    const late = new HeldBack<Event>()
    late.take(["a"], 0)
    expect(late.add(event("a", SKEW_MS + 1))).toHaveLength(1)
  })
})
