import { describe, expect, test } from "bun:test"
import { Bucket, type Outcome, RESET_PAD_MS, type Taken } from "../../../src/proxy/limits/bucket.ts"

const told = (remaining: number, resetAfterMs = 5_000, limit = 5): Outcome => ({
  type: "answered",
  window: { limit, remaining, resetAfterMs, hash: "abc" },
})
const UNTOLD: Outcome = { type: "answered", window: null }

/** Takes all that may go at this instant. */
function takeAll(bucket: Bucket, nowMs: number, atMost = 100): Taken[] {
  const taken: Taken[] = []
  while (taken.length < atMost && bucket.opensAtMs(nowMs) <= nowMs) taken.push(bucket.take(nowMs))
  return taken
}

function knownBucket(remaining = 4, resetAfterMs = 5_000): Bucket {
  const bucket = new Bucket()
  bucket.settle(bucket.take(0), told(remaining, resetAfterMs), 0)
  return bucket
}

describe("a bucket", () => {
  test("starts with one probe, and waits for its answer", () => {
    const bucket = new Bucket()
    expect(takeAll(bucket, 0)).toHaveLength(1)
    expect(bucket.opensAtMs(1)).toBeGreaterThan(1)
  })

  test("does not wait for a slow probe for ever", () => {
    const bucket = new Bucket()
    takeAll(bucket, 0)
    const opensAtMs = bucket.opensAtMs(1)
    expect(opensAtMs).toBeWithin(1_000, 10_000)
  })

  test("uses every permit of the window at once when it was told of them", () => {
    expect(takeAll(knownBucket(4), 10)).toHaveLength(4)
  })

  test("does not take an answer for news that overtook one of the last window", () => {
    const bucket = knownBucket(1, 1_000)
    const [late] = takeAll(bucket, 990)
    const [probe] = takeAll(bucket, 1_100)
    if (late === undefined || probe === undefined) throw new Error("nothing was taken")
    // Discord got the probe first, and both in the new window.
    bucket.settle(late, told(3), 1_200)
    bucket.settle(probe, told(4), 1_210)
    expect(takeAll(bucket, 1_210)).toHaveLength(3)
  })

  test("counts what is in flight against what remains", () => {
    const bucket = knownBucket(4)
    const [first] = takeAll(bucket, 10, 2)
    if (first === undefined) throw new Error("nothing was taken")
    bucket.settle(first, told(3), 20)
    expect(takeAll(bucket, 20)).toHaveLength(2)
  })

  test("lowers what remains within a window, and never raises it", () => {
    const bucket = knownBucket(4)
    const [first, second] = takeAll(bucket, 10, 2)
    if (first === undefined || second === undefined) throw new Error("too few were taken")
    bucket.settle(second, told(2), 20)
    bucket.settle(first, told(3), 30)
    expect(bucket.remaining).toBe(2)
  })

  test("opens at its reset, with one probe after it was used up, then with all that was told", () => {
    const bucket = knownBucket(0)
    const opensAtMs = bucket.opensAtMs(100)
    expect(opensAtMs).toBe(5_000 + RESET_PAD_MS)
    const [probe, ...more] = takeAll(bucket, opensAtMs)
    expect(more).toEqual([])
    if (probe === undefined) throw new Error("no probe")
    bucket.settle(probe, told(4), opensAtMs + 50)
    expect(takeAll(bucket, opensAtMs + 50)).toHaveLength(4)
  })

  test("is full again, without a probe, when it was left unused for another whole window", () => {
    expect(takeAll(knownBucket(3), 11_000)).toHaveLength(5)
  })

  test("is asked with a probe when it was left unused for less, since its window may slide", () => {
    expect(takeAll(knownBucket(3), 6_000)).toHaveLength(1)
  })

  test("does not let an answer of the last window speak for the new one", () => {
    const bucket = knownBucket(1)
    const [late] = takeAll(bucket, 4_990)
    const [probe] = takeAll(bucket, 5_030)
    if (late === undefined || probe === undefined) throw new Error("too few were taken")
    bucket.settle(late, told(0, 10), 5_040)
    bucket.settle(probe, told(4), 5_080)
    expect(takeAll(bucket, 5_080)).toHaveLength(4)
  })

  test("takes an answer that comes after its end for the next window's", () => {
    const bucket = knownBucket(2)
    const [over] = takeAll(bucket, 4_990, 1)
    if (over === undefined) throw new Error("nothing was taken")
    bucket.settle(over, told(4, 5_000), 5_100)
    expect(takeAll(bucket, 5_100)).toHaveLength(4)
  })

  test("follows a window that slides", () => {
    const bucket = knownBucket(0, 1_000)
    let nowMs = 0
    for (let round = 0; round < 5; round += 1) {
      nowMs = bucket.opensAtMs(nowMs)
      const [probe, ...more] = takeAll(bucket, nowMs)
      expect(more).toEqual([])
      if (probe === undefined) throw new Error("no probe")
      bucket.settle(probe, told(0, 1_000), nowMs)
    }
    expect(nowMs).toBeWithin(5_000, 5_200)
  })

  test("waits as long as a 429 says, then sends one probe", () => {
    const bucket = knownBucket(4)
    const [one] = takeAll(bucket, 10, 1)
    if (one === undefined) throw new Error("nothing was taken")
    bucket.settle(one, { type: "limited", retryAfterMs: 60_000 }, 20)
    expect(bucket.opensAtMs(30)).toBe(60_020 + RESET_PAD_MS)
    expect(takeAll(bucket, 60_020 + RESET_PAD_MS)).toHaveLength(1)
  })

  test("gets back what was never sent, and not what may have been", () => {
    const bucket = knownBucket(4)
    const [one, two] = takeAll(bucket, 10, 2)
    if (one === undefined || two === undefined) throw new Error("too few were taken")
    bucket.settle(one, { type: "unsent" }, 20)
    bucket.settle(two, { type: "unanswered" }, 20)
    expect(takeAll(bucket, 20)).toHaveLength(3)
  })

  test("without headers opens one answer at a time, and closes to one after a 429", () => {
    const bucket = new Bucket()
    const sizes: number[] = []
    for (let nowMs = 0; nowMs < 8; nowMs += 1) {
      const taken = takeAll(bucket, nowMs)
      sizes.push(taken.length)
      for (const one of taken) bucket.settle(one, UNTOLD, nowMs)
    }
    expect(sizes.slice(0, 5)).toEqual([1, 2, 4, 8, 16])
    const [one] = takeAll(bucket, 10, 1)
    if (one === undefined) throw new Error("nothing was taken")
    bucket.settle(one, { type: "limited", retryAfterMs: 1_000 }, 10)
    expect(takeAll(bucket, 2_000)).toHaveLength(1)
  })

  test("knows an answer that cannot be about it, since another limit hides behind the same hash", () => {
    const bucket = knownBucket(2, 60_000)
    const [one] = takeAll(bucket, 10, 1)
    if (one === undefined) throw new Error("nothing was taken")
    const window = { limit: 5, remaining: 4, resetAfterMs: 5_000, hash: "abc" }
    expect(bucket.isContradictedBy(window, one, 20)).toBe(true)
    expect(bucket.isContradictedBy({ ...window, remaining: 1, resetAfterMs: 59_990 }, one, 20)).toBe(false)
  })

  test("is idle when a new one would be the same", () => {
    const bucket = knownBucket(4)
    expect(bucket.isIdle(5_100)).toBe(false)
    expect(bucket.isIdle(10_100)).toBe(true)
    takeAll(bucket, 10_100, 1)
    expect(bucket.isIdle(60_000)).toBe(false)
  })
})
