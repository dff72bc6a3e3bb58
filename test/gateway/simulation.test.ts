// Random fault schedules through the protocol, the shards and delivery, each from its own seed. A failing seed is printed;
// `SIMULATION_SEED=n bun test test/gateway/simulation.test.ts` runs that one alone.

import { expect, test } from "bun:test"
import { runSchedule } from "./simulation/schedule.ts"

const SCHEDULES = 2_000

const seedGiven = process.env["SIMULATION_SEED"]
const seeds = seedGiven === undefined ? Array.from({ length: SCHEDULES }, (_, seed) => seed) : [Number(seedGiven)]

test("no random fault schedule leaves a shard stuck, identifies where a resume was due, or loses an event", async () => {
  const totals = { identifies: 0, resumes: 0, events: 0, crashes: 0 }
  const failures: string[] = []
  for (const seed of seeds) {
    const { problems, ...counts } = await runSchedule(seed)
    totals.identifies += counts.identifies
    totals.resumes += counts.resumes
    totals.events += counts.events
    totals.crashes += counts.crashes
    if (problems.length > 0) failures.push(`seed ${seed}: ${problems.join("; ")}`)
  }
  expect(failures).toEqual([])
  // The schedules did exercise what they are for.
  expect(Math.min(totals.identifies, totals.resumes, totals.events)).toBeGreaterThan(0)
  if (seedGiven === undefined) expect(totals.crashes).toBeGreaterThan(SCHEDULES / 2)
}, 600_000)
