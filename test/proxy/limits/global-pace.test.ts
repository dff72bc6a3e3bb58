import { describe, expect, test } from "bun:test"
import { GlobalPace } from "../../../src/proxy/limits/global-pace.ts"

/** Takes whenever it may until `untilMs`, with answers after `wayMs`. @returns when. */
function takings(pace: GlobalPace, untilMs: number, wayMs: number): number[] {
  const times: number[] = []
  const answers: (() => void)[] = []
  for (let nowMs = 0; nowMs < untilMs; nowMs += 1) {
    answers[nowMs]?.()
    while (pace.opensAtMs(nowMs) <= nowMs) {
      const place = pace.take(nowMs)
      const takenMs = nowMs
      const before = answers[nowMs + wayMs]
      answers[nowMs + wayMs] = () => {
        before?.()
        pace.answered(place, takenMs, takenMs + wayMs)
      }
      times.push(nowMs)
    }
  }
  return times
}

describe("the global pace", () => {
  test.each([1, 20, 300])("never lets more than 50 go in a second, with answers after %i ms", (wayMs) => {
    const times = takings(new GlobalPace(50), 30_000, wayMs)
    const most = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length))
    expect(most).toBeLessThanOrEqual(50)
    expect(times.length).toBeGreaterThanOrEqual(1_425)
  })

  test("does not let them go all at once", () => {
    expect(takings(new GlobalPace(50), 1, 1).length).toBeLessThanOrEqual(5)
  })

  test("is lowered by a global 429, once for one excess, and rises again slowly", () => {
    const pace = new GlobalPace(50)
    pace.limited(2_000, 0)
    pace.limited(2_000, 10)
    expect(pace.perSecond).toBe(40)
    expect(pace.opensAtMs(100)).toBeGreaterThanOrEqual(2_000)
    for (let nowMs = 0; nowMs < 600_000; nowMs += 1_000) pace.opensAtMs(nowMs)
    expect(pace.perSecond).toBe(50)
  })

  test("keeps a limit that was arranged for", () => {
    expect(takings(new GlobalPace(200), 2_000, 5).length).toBeWithin(380, 405)
  })
})
