import { expect, test } from "bun:test"
import { Reachability } from "../../../src/proxy/upstream/reachability.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"

test("an outage is told once, whatever number of requests finds out, and its end too", () => {
  const [clock, log] = [new FakeClock(), new RecordingLogger()]
  const reachability = new Reachability(clock, log)
  for (let request = 0; request < 100; request += 1) {
    reachability.lost("ENOTFOUND")
    clock.advance(1_000)
  }
  expect(reachability.isLost).toBe(true)
  reachability.found()
  expect(reachability.isLost).toBe(false)
  expect(log.lines).toHaveLength(2)
  expect(JSON.stringify(log.lines)).toMatch(/ENOTFOUND.*cannot be reached.*100.*reached again/)
})

test("where every other request fails, one outage a minute is told, with its end", () => {
  const [clock, log] = [new FakeClock(), new RecordingLogger()]
  const reachability = new Reachability(clock, log)
  for (let second = 0; second < 120; second += 1) {
    reachability.lost("EMFILE")
    reachability.found()
    clock.advance(1_000)
  }
  expect(log.lines).toHaveLength(4)
})
