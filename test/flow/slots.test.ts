// A bound on what is in hand.

import { describe, expect, test } from "bun:test"
import { Slots } from "../../src/flow/slots.ts"

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
