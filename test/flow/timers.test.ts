// Timers by name.

import { describe, expect, test } from "bun:test"
import { Timers } from "../../src/flow/timers.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"

describe("named timers", () => {
  test("one that is started again starts anew, one that is cancelled never runs", () => {
    const clock = new FakeClock()
    const ran: string[] = []
    const timers = new Timers<"a" | "b">(clock, (name) => ran.push(`${name} ${clock.nowMs()}`))
    timers.start("a", 10)
    timers.start("b", 5)
    clock.advance(4)
    timers.start("a", 10)
    timers.cancel("b")
    clock.advance(100)
    expect(ran).toEqual(["a 14"])
  })
})
