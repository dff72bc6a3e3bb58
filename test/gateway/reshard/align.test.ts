// Where one session's events continue another's.

import { describe, expect, test } from "bun:test"
import { align } from "../../../src/gateway/reshard/align.ts"

const of = (text: string) => [...text]

describe("two windows over one sequence", () => {
  test.each([
    ["the second is later", "abcd", "cdef", 2],
    ["they are equal", "abc", "abc", 3],
    ["the first is within the second", "bc", "abcde", 3],
    ["they meet in one event", "abc", "cde", 1],
    ["the same event again and again", "xxx", "xx", 2],
    ["an event that came before, again", "ab", "abab", 2],
  ])("%s: %s, %s", (_, tail, held, published) => {
    expect(align(of(tail), of(held))).toMatchObject({ type: "found", published })
  })

  test.each([
    ["nothing has come", "ab", ""],
    ["the last has not come", "abcd", "ab"],
    ["the second is within the first", "abcde", "bcd"],
  ])("%s: %s, %s is behind", (_, tail, held) => {
    expect(align(of(tail), of(held))).toEqual({ type: "behind" })
  })

  test("that agree nowhere say so", () => {
    expect(align(of("abc"), of("acd"))).toEqual({ type: "nowhere" })
    expect(align(of("abc"), of("xyz"))).toEqual({ type: "nowhere" })
  })
})
