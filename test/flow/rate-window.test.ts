import { describe, expect, test } from "bun:test"
import { RateWindow } from "../../src/flow/rate-window.ts"

describe("a rate window", () => {
  test("allows the limit at once, then waits for the oldest to leave", () => {
    const window = new RateWindow({ limit: 2, windowMs: 1_000 })
    window.take(0)
    window.take(400)
    expect(window.waitMs(400)).toBe(600)
    expect(window.waitMs(1_000)).toBe(0)
    window.take(1_000)
    expect(window.waitMs(1_000)).toBe(400)
  })

  test("keeps reserved places free", () => {
    const window = new RateWindow({ limit: 3, windowMs: 1_000 })
    window.take(0)
    expect(window.waitMs(0, 1)).toBe(0)
    window.take(0)
    expect(window.waitMs(0, 1)).toBe(1_000)
    expect(window.waitMs(0)).toBe(0)
    expect(window.waitMs(0, 3)).toBe(Number.POSITIVE_INFINITY)
  })

  test("counts what was taken past the limit", () => {
    const window = new RateWindow({ limit: 1, windowMs: 1_000 })
    window.take(0)
    window.take(500)
    expect(window.waitMs(1_000)).toBe(500)
  })

  test("forgets everything when it is cleared", () => {
    const window = new RateWindow({ limit: 1, windowMs: 1_000 })
    window.take(0)
    window.clear()
    expect(window.waitMs(0)).toBe(0)
  })
})
