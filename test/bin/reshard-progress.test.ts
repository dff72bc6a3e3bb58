import { expect, test } from "bun:test"
import { costLine, progressJson, progressLine } from "../../src/bin/reshard-progress.ts"
import type { Reshard } from "../../src/gateway/reshard/record.ts"

const RESHARD: Reshard = {
  ...{ id: "one", from: 2, to: 4, fromSlot: 0, toSlot: 2, phase: "opening", reason: null, cut: [0], live: [0, 1, 3] },
}

test.each([
  [{ phase: "opening" }, "opening: 3 of 4 new shards are live; the 2 old ones serve."],
  [{ phase: "cutting" }, "cutting: 1 of 4 new shards have taken their guilds over."],
  [{ phase: "closing" }, "closing: the 4 new shards serve; the 2 old ones end."],
  [
    { phase: "undoing", reason: "an operator ordered it" },
    "undoing (an operator ordered it): 1 of 4 new shards have guilds to give back.",
  ],
  [{ phase: "done" }, "done: the bot has 4 shards."],
  [{ phase: "undone", reason: "Discord refuses it." }, "undone (Discord refuses it): the bot has 2 shards, as before."],
] as const)("%o is told in one sentence", (more, line) => {
  expect(progressLine({ ...RESHARD, ...more })).toBe(line)
})

test("programs get the numbers", () => {
  expect(JSON.parse(progressJson(RESHARD))).toEqual({
    ...{ id: "one", from: 2, to: 4, phase: "opening", reason: null, live: 3, cut: 1 },
  })
})

test("the cost is told before it begins, and that a day's identifies do not suffice", () => {
  const cost = { identifies: 16, openingMs: 80_000, handOvers: 16, fitsBudget: true }
  expect(costLine(8, 16, cost)).toBe(
    "From 8 to 16 shards: 16 identifies, within 2 min at the earliest, and 16 pairs of shards hand their guilds over.",
  )
  expect(costLine(8, 16, { ...cost, openingMs: 0, fitsBudget: false })).toContain("at once")
  expect(costLine(8, 16, { ...cost, fitsBudget: false })).toContain(
    "it waits for the next day, and the old shards serve.",
  )
})
