// Where one session takes a guild over from another.

import { describe, expect, test } from "bun:test"
import { type HeldDigest, SKEW_MS, take, takeAll, timesOf } from "../../../src/gateway/reshard/hand-over.ts"

const TIMES = timesOf(SKEW_MS)
const NOW_MS = 1_000_000
const held = (text: string, agoMs = 0): HeldDigest[] => [...text].map((digest) => ({ digest, atMs: NOW_MS - agoMs }))

describe("the side that takes over", () => {
  test("goes on behind the last event that was published", () => {
    expect(take([..."bcd"], held("abcdef"), NOW_MS, TIMES)).toEqual({ type: "taken", published: 4 })
  })

  test("takes a quiet guild over with what is so new that the other has not published it", () => {
    const events = [...held("a", TIMES.newMs), ...held("b", TIMES.newMs - 1), ...held("c")]
    expect(take([], events, NOW_MS, TIMES)).toEqual({ type: "taken", published: 1 })
    expect(take([], [], NOW_MS, TIMES)).toEqual({ type: "taken", published: 0 })
  })

  test("waits for what was published and has not come", () => {
    expect(take([..."bcd"], held("abc"), NOW_MS, TIMES)).toEqual({ type: "later" })
    expect(take([..."bcd"], [], NOW_MS, TIMES)).toEqual({ type: "later" })
  })

  test("says so when the other's events are not these, and can take all that is new", () => {
    const events = [...held("x", TIMES.newMs), ...held("ad")]
    expect(take([..."acd"], events, NOW_MS, TIMES)).toEqual({ type: "nowhere" })
    expect(takeAll(events, NOW_MS, TIMES)).toEqual({ type: "taken", published: 1 })
  })
})

test("every time follows from the skew", () => {
  expect(timesOf(1)).toEqual({ skewMs: 1, attemptMs: 1, tailMs: 3, newMs: 2, holdMs: 5 })
})
