// Random schedules of delays, crashes, pauses, outages and failovers through the shared identify queue, each from its own
// seed. A failing seed is printed; `SIMULATION_SEED=n bun test test/gateway/identify/redis/simulation.test.ts` runs that one.

import { expect, test } from "bun:test"
import { runSchedule } from "./simulation/schedule.ts"

const SCHEDULES = 10_000

const seedGiven = process.env["SIMULATION_SEED"]
const seeds = seedGiven === undefined ? Array.from({ length: SCHEDULES }, (_, seed) => seed) : [Number(seedGiven)]

test("#22 no schedule breaks Discord's window, uses the reserve, or leaves a shard without its turn", async () => {
  const totals = { identifies: 0, crashes: 0, outages: 0, pauses: 0, givenBack: 0 }
  const failures: string[] = []
  for (const seed of seeds) {
    const { problems, ...counts } = await runSchedule(seed)
    totals.identifies += counts.identifies
    totals.crashes += counts.crashes
    totals.outages += counts.outages
    totals.pauses += counts.pauses
    totals.givenBack += counts.givenBack
    if (problems.length > 0) failures.push(`seed ${seed}: ${problems.join("; ")}`)
  }
  if (seedGiven !== undefined || failures.length > 0) console.log(totals)
  expect(failures).toEqual([])
  if (seedGiven !== undefined) return
  // The schedules did exercise what they are for.
  for (const count of Object.values(totals)) expect(count).toBeGreaterThan(SCHEDULES / 4)
}, 600_000)
