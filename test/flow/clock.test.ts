import { describe, expect, test } from "bun:test"
import { sleep } from "../../src/flow/clock.ts"
import { settlesWithin } from "../../src/flow/deadline.ts"
import { Slots } from "../../src/flow/slots.ts"
import { Timers } from "../../src/flow/timers.ts"
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
    expect(slept).rejects.toThrow("enough")
    expect(sleep(new FakeClock(), 1, abort.signal)).rejects.toThrow("enough")
  })
})

describe("a deadline", () => {
  test("tells whether a promise settled in time", async () => {
    const clock = new FakeClock()
    expect(await settlesWithin(clock, 100, Promise.resolve())).toBe(true)
    const never = settlesWithin(clock, 100, new Promise(() => {}))
    clock.advance(100)
    expect(await never).toBe(false)
  })

  test("passes a rejection on", () => {
    expect(settlesWithin(new FakeClock(), 100, Promise.reject(new Error("no")))).rejects.toThrow("no")
  })
})

describe("slots", () => {
  test("let no more through than there are, first come, first served", async () => {
    const slots = new Slots(1)
    const order: number[] = []
    await slots.take()
    const second = slots.take().then(() => order.push(2))
    const third = slots.take().then(() => order.push(3))
    await Promise.resolve()
    expect(order).toEqual([])
    slots.give()
    await second
    slots.give()
    await third
    expect(order).toEqual([2, 3])
  })
})

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
