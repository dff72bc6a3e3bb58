// Who publishes an event, by what is stored.

import { describe, expect, test } from "bun:test"
import { type PairChange, publisherOf, publishes, type Side } from "../../../src/gateway/reshard/change.ts"

const NONE: ReadonlyMap<string, number> = new Map()
const place = (sessionId: string, sequence: number) => ({ sessionId, sequence })
const over: PairChange = {
  ...{ attempt: "1", to: "new", old: place("O", 100), new: place("N", 7) },
  streams: new Map([["busy", 5]]),
}
const back: PairChange = { attempt: "2", to: "old", old: place("O", 150), new: place("N", 60), streams: NONE }

const asked = (side: Side, sequences: readonly number[], changes: readonly PairChange[], stream = "quiet") =>
  sequences.map((sequence) => publishes(side, { stream, sequence, sessionId: side === "old" ? "O" : "N" }, changes))

describe("who publishes an event", () => {
  test("is the old session, until the guild changes hands at a sequence of each", () => {
    expect(asked("old", [5], [])).toEqual([true])
    expect(asked("new", [5], [])).toEqual([false])
    expect(asked("old", [99, 100, 101], [over])).toEqual([true, true, false])
    expect(asked("new", [6, 7, 8], [over])).toEqual([false, false, true])
  })

  test("is the one that took over from an earlier sequence on, where the guild had events just then", () => {
    expect(asked("new", [5, 6, 7], [over], "busy")).toEqual([false, true, true])
    expect(asked("old", [100, 101], [over], "busy")).toEqual([true, false])
  })

  test("is the old one again after the way back, and a replay is decided as its events were", () => {
    expect(asked("old", [100, 101, 150, 151], [over, back])).toEqual([true, false, false, true])
    expect(asked("new", [7, 8, 60, 61], [over, back])).toEqual([false, true, true, false])
  })

  test("is whoever publishes at last, for a session that was begun after the changes", () => {
    const of = (side: Side, changes: readonly PairChange[]) =>
      publishes(side, { stream: "quiet", sequence: 1, sessionId: "later" }, changes)
    expect([of("old", []), of("old", [over]), of("old", [over, back])]).toEqual([true, false, true])
    expect([of("new", []), of("new", [over]), of("new", [over, back])]).toEqual([false, true, false])
    expect([publisherOf([]), publisherOf([over]), publisherOf([over, back])]).toEqual(["old", "new", "old"])
  })
})
