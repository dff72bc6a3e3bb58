import { expect, test } from "bun:test"
import { runSchedule } from "./schedule.ts"

const SCHEDULES = 10_000
const TIMEOUT_MS = 300_000

test(
  `#34 over ${SCHEDULES} random schedules, reshards among them, no two owners' writes are accepted, and every shard is run in the end`,
  () => {
    let takeovers = 0
    let refusedWrites = 0
    let faults = 0
    let lossesInARow = 0
    let silentLosses = 0
    let strayWrites = 0
    for (let seed = 1; seed <= SCHEDULES; seed += 1) {
      const result = runSchedule(seed)
      expect([seed, result.problems]).toEqual([seed, []])
      takeovers += result.takeovers
      refusedWrites += result.refusedWrites
      faults += result.faults
      lossesInARow += result.lossesInARow
      silentLosses += result.silentLosses
      strayWrites += result.strayWrites
    }
    // The schedules are hard enough to mean something.
    expect(takeovers).toBeGreaterThan(SCHEDULES)
    expect(refusedWrites).toBeGreaterThan(SCHEDULES / 10)
    expect(faults).toBeGreaterThan(SCHEDULES)
    expect(lossesInARow).toBeGreaterThan(SCHEDULES / 50)
    expect(silentLosses).toBeGreaterThan(SCHEDULES / 10)
    expect(strayWrites).toBeGreaterThan(SCHEDULES / 500)
  },
  TIMEOUT_MS,
)
