import { expect, test } from "bun:test"
import { PlainHistogram } from "../../src/ops/plain-histogram.ts"

test("a histogram counts a value in every bucket that it fits into, up to its bound and with it", () => {
  const histogram = new PlainHistogram({ name: "wait_seconds", help: "Seconds.", buckets: [0.1, 1] })
  for (const value of [0.05, 0.1, 0.5, 4]) histogram.observe(value)
  expect(histogram.text().split("\n")).toEqual([
    "# HELP wait_seconds Seconds.",
    "# TYPE wait_seconds histogram",
    'wait_seconds_bucket{le="0.1"} 2',
    'wait_seconds_bucket{le="1"} 3',
    'wait_seconds_bucket{le="+Inf"} 4',
    "wait_seconds_sum 4.65",
    "wait_seconds_count 4",
    "",
  ])
})
