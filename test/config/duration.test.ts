import { describe, expect, test } from "bun:test"
import { formatDuration, parseDuration } from "../../src/config/duration.ts"

describe("parseDuration", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["2m", 120_000],
    ["2min", 120_000],
    ["2 minutes", 120_000],
    ["500ms", 500],
    ["1h30m", 5_400_000],
    ["1h 30m 5s", 5_405_000],
    ["1 hour 30 minutes", 5_400_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["1500us", 2],
    ["1500µs", 2],
    ["1d", 86_400_000],
    [" 10s ", 10_000],
    ["0", 0],
    ["0s", 0],
    ["", undefined],
    ["10", undefined],
    ["1h30", undefined],
    ["-2m", undefined],
    ["2M", undefined],
    ["two minutes", undefined],
    ["2 fortnights", undefined],
    ["m", undefined],
    ["1..5s", undefined],
    ["2m!", undefined],
  ]
  for (const [text, durationMs] of cases) {
    test(`${durationMs === undefined ? "refuses" : "reads"} ${JSON.stringify(text)}`, () => {
      expect(parseDuration(text)).toBe(durationMs)
    })
  }
})

describe("formatDuration", () => {
  for (const [durationMs, text] of [
    [120_000, "2m"],
    [90_000, "90s"],
    [1_500, "1500ms"],
    [7_200_000, "2h"],
    [0, "0s"],
  ] as const) {
    test(`writes ${durationMs} ms as ${text}, which reads back`, () => {
      expect(formatDuration(durationMs)).toBe(text)
      expect(parseDuration(text)).toBe(durationMs)
    })
  }
})
