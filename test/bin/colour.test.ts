import { expect, test } from "bun:test"
import { wantsColour } from "../../src/bin/colour.ts"

const TERMINAL = { isTTY: true }
const PIPE = {}

test("colours on a terminal alone", () => {
  expect(wantsColour(TERMINAL, {})).toBe(true)
  expect(wantsColour(PIPE, {})).toBe(false)
  expect(wantsColour(TERMINAL, { TERM: "dumb" })).toBe(false)
})

test("NO_COLOR takes colour away, unless it is empty", () => {
  expect(wantsColour(TERMINAL, { NO_COLOR: "1" })).toBe(false)
  expect(wantsColour(TERMINAL, { NO_COLOR: "" })).toBe(true)
})

test("FORCE_COLOR goes before everything else", () => {
  expect(wantsColour(PIPE, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(true)
  expect(wantsColour(TERMINAL, { FORCE_COLOR: "0" })).toBe(false)
})
