// Bounded waits.

import { describe, expect, test } from "bun:test"
import { settlesWithin } from "../../src/flow/deadline.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"

describe("a deadline", () => {
  test("tells whether a promise settled in time", async () => {
    const clock = new FakeClock()
    expect(await settlesWithin(clock, 100, Promise.resolve())).toBe(true)
    const never = settlesWithin(clock, 100, new Promise(() => {}))
    clock.advance(100)
    expect(await never).toBe(false)
  })

  test("passes a rejection on", async () => {
    await expect(settlesWithin(new FakeClock(), 100, Promise.reject(new Error("no")))).rejects.toThrow("no")
  })
})
