// When a gateway's load is over its limit, and when it is not any more.

import { expect, test } from "bun:test"
import { judge, LoadWatch, UNJUDGED, WINDOW_MS } from "../../../src/gateway/fleet/load.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"

const MAX_LOAD = 0.5

/** What is said of each window. */
function judged(...loads: readonly number[]): readonly boolean[] {
  let judgement = UNJUDGED
  return loads.map((load) => {
    judgement = judge(judgement, load, MAX_LOAD)
    return judgement.isOver
  })
}

test("one window over the limit is enough, and three in a row well below it end that", () => {
  expect(judged(0.3, 0.49, 0.5)).toEqual([false, false, true])
  expect(judged(0.6, 0.39, 0.39, 0.39)).toEqual([true, true, true, false])
  expect(judged(0.6, 0.39, 0.45, 0.39, 0.39, 0.39)).toEqual([true, true, true, true, true, false])
})

test("a load that stays about the limit does not come and go", () => {
  const about = Array.from({ length: 50 }, (_, index) => MAX_LOAD + (index % 2 === 0 ? 0.02 : -0.02))
  expect(new Set(judged(...about))).toEqual(new Set([true]))
})

test("the load is CPU time by time that passed, window by window, until it is stopped", () => {
  const clock = new FakeClock()
  let usedUs = 0
  const seen: (readonly [number, boolean])[] = []
  const watch = new LoadWatch({
    ...{ clock, log: new RecordingLogger(), maxLoad: MAX_LOAD, cpuUs: () => usedUs },
    onMeasured: (load, isOver) => seen.push([load, isOver]),
  })
  usedUs = 5_000_000
  watch.start()
  usedUs += (WINDOW_MS * 1_000) / 4
  clock.advance(WINDOW_MS)
  usedUs += WINDOW_MS * 1_000
  clock.advance(WINDOW_MS)
  watch.stop()
  clock.advance(10 * WINDOW_MS)
  expect(seen).toEqual([
    [0.25, false],
    [1, true],
  ])
})
