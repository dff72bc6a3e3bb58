import { describe, expect, test } from "bun:test"
import { Pace } from "../../src/flow/gcra.ts"

/** How many go from `fromMs` to `toMs` when somebody always wants to. */
function passing(pace: Pace, fromMs: number, toMs: number): number {
  let count = 0
  for (let nowMs = fromMs; nowMs < toMs; ) {
    const waitMs = pace.waitMs(nowMs)
    if (waitMs > 0) nowMs += waitMs
    else {
      pace.take(nowMs)
      count += 1
    }
  }
  return count
}

describe("a pace", () => {
  test("lets one through every interval", () => {
    expect(passing(new Pace({ perSecond: 50, burst: 1 }), 0, 1_000)).toBe(50)
    expect(passing(new Pace({ perSecond: 50, burst: 1 }), 0, 10_000)).toBe(500)
  })

  test("lets no more than its burst through after a pause, however long", () => {
    const pace = new Pace({ perSecond: 10, burst: 3 })
    pace.take(0)
    let atOnce = 0
    while (pace.waitMs(60_000) === 0) {
      pace.take(60_000)
      atOnce += 1
    }
    expect(atOnce).toBe(3)
    expect(pace.waitMs(60_000)).toBeCloseTo(100)
  })

  test("can be slowed down while it runs", () => {
    const pace = new Pace({ perSecond: 50, burst: 1 })
    pace.perSecond = 10
    expect(passing(pace, 0, 1_000)).toBe(10)
    expect(pace.perSecond).toBe(10)
  })
})
