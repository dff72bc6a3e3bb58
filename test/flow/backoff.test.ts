import { describe, expect, test } from "bun:test"
import { backoffMs } from "../../src/flow/backoff.ts"

const OPTIONS = { baseMs: 1_000, capMs: 60_000 }

describe("backoff", () => {
  test("tries at once, then waits exponentially longer up to the cap", () => {
    const waits = [0, 1, 2, 3, 7, 100, 5_000].map((attempt) => backoffMs(attempt, OPTIONS, 1))
    expect(waits).toEqual([0, 1_000, 2_000, 4_000, 60_000, 60_000, 60_000])
  })

  test("spreads waits over the upper half", () => {
    expect(backoffMs(2, OPTIONS, 0)).toBe(1_000)
    expect(backoffMs(2, OPTIONS, 0.5)).toBe(1_500)
  })
})
