import { describe, expect, test } from "bun:test"
import { simulateFleet } from "../../../bench/scaling/fleet.ts"

const OPTIONS = {
  ...{ shards: 64, gateways: 8, perMachine: 2, restarts: 2, leaseMs: 10_000 },
  costs: { exchangeMs: 0.5, heldMs: 0.001, leaseMs: 0.001, sessionMs: 0.05, fenceMs: 2 },
}

describe("the simulation of a large fleet", () => {
  test("says the same each time", () => {
    expect(simulateFleet(OPTIONS)).toEqual(simulateFleet(OPTIONS))
  })

  test("interrupts what a lost machine ran, and for no longer than a lease and a resume", () => {
    const lost = simulateFleet(OPTIONS).find(({ name }) => name === "a machine is lost")
    expect(lost?.interrupted).toBe(16)
    expect(lost?.longestMs).toBeLessThan(12_000)
  })

  test("asks for one beat of each gateway in a fifth of a lease while nothing happens", () => {
    const rest = simulateFleet(OPTIONS).find(({ name }) => name.startsWith("at rest"))
    expect(rest?.exchanges).toBe((8 * 30) / 2)
  })
})
