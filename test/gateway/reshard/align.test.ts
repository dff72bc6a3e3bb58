// Where one session's events continue another's.

import { describe, expect, test } from "bun:test"
import { align } from "../../../src/gateway/reshard/align.ts"

const of = (text: string) => [...text]

describe("two windows over one sequence", () => {
  test.each([
    ["the second is later", "abcd", "cdef", 2, ""],
    ["the second is earlier", "abcd", "ab", 2, "cd"],
    ["they are equal", "abc", "abc", 3, ""],
    ["the first is within the second", "bc", "abcde", 3, ""],
    ["the second is within the first", "abcde", "bcd", 3, "e"],
    ["nothing was published", "", "ab", 0, ""],
    ["nothing was held back", "ab", "", 0, "ab"],
    ["they meet in one event", "abc", "cde", 1, ""],
    ["the same event again and again", "xxx", "xx", 2, ""],
    ["an event that came before, again", "abcab", "abd", 2, ""],
  ])("%s: %s, %s", (_, tail, held, published, awaited) => {
    expect(align(of(tail), of(held))).toEqual({ published, awaited: of(awaited), isExact: true })
  })

  test("that agree nowhere leave nothing out", () => {
    expect(align(of("abc"), of("acd"))).toEqual({ published: 0, awaited: [], isExact: false })
    expect(align(of("abc"), of("xyz"))).toEqual({ published: 0, awaited: [], isExact: false })
  })
})
