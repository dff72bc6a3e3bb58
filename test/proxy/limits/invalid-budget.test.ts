import { describe, expect, test } from "bun:test"
import { InvalidBudget, MAX_INVALID } from "../../../src/proxy/limits/invalid-budget.ts"

describe("the budget of invalid requests", () => {
  test("is free, then spared, then stopped, before Discord's own limit is reached", () => {
    const budget = new InvalidBudget()
    const states: string[] = []
    for (let count = 0; count < MAX_INVALID; count += 1) {
      const state = budget.state(0)
      if (states.at(-1) !== state) states.push(state)
      if (state === "stopped") break
      budget.spend(0)
    }
    expect(states).toEqual(["free", "sparing", "stopped"])
    expect(budget.left(0)).toBeGreaterThan(0)
  })

  test("comes back ten minutes later, and not before", () => {
    const budget = new InvalidBudget(10)
    for (let count = 0; count < 4; count += 1) budget.spend(0)
    for (let count = 0; count < 3; count += 1) budget.spend(300_000)
    expect(budget.left(590_000)).toBe(3)
    expect(budget.left(610_000)).toBe(7)
    expect(budget.left(2_000_000)).toBe(10)
  })
})
