// Waiting on a clock.

import { describe, expect, test } from "bun:test"
import { sleep } from "../../src/flow/clock.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"

describe("sleep", () => {
  test("resolves when its time has come", async () => {
    const clock = new FakeClock()
    const slept = sleep(clock, 100, new AbortController().signal)
    clock.advance(100)
    await slept
  })

  test("ends with the signal's reason", async () => {
    const abort = new AbortController()
    const slept = sleep(new FakeClock(), 100, abort.signal)
    abort.abort(new Error("enough"))
    await expect(slept).rejects.toThrow("enough")
    await expect(sleep(new FakeClock(), 1, abort.signal)).rejects.toThrow("enough")
  })
})
