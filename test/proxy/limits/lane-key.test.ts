import { expect, test } from "bun:test"
import { laneKeyOf } from "../../../src/proxy/limits/lane-key.ts"

const MESSAGES = "GET /channels/:channel/messages"
const FIRST = 175_928_847_299_117_063n

test("a token and a route have one key", () => {
  expect(laneKeyOf("Bot abc", MESSAGES, "1")).toBe(laneKeyOf(["Bot", "abc"].join(" "), MESSAGES, "1"))
})

test("others have others, wherever one text ends and the next begins", () => {
  const parts = [
    ["Bot abc", MESSAGES, "1"],
    ["Bot abd", MESSAGES, "1"],
    ["Bot abc", MESSAGES, "2"],
    ["Bot abc", MESSAGES, ""],
    ["Bot abc", "GET /users/@me", ""],
    ["", MESSAGES, "1"],
    ["", "GET /users/@me", ""],
    ["Bot abcG", MESSAGES.slice(1), "1"],
    ["Bot ab", `c${MESSAGES}`, "1"],
    ["Bot abc", `${MESSAGES}1`, ""],
  ] as const
  expect(new Set(parts.map(([token, template, major]) => laneKeyOf(token, template, major))).size).toBe(parts.length)
})

test("half a million of ids and tokens that are close together have half a million keys, spread over all 53 bits", () => {
  const keys = new Set<number>()
  const ones = new Float64Array(53)
  for (let id = 0; id < 1_000; id += 1) {
    for (let token = 0; token < 500; token += 1) {
      const key = laneKeyOf(`Bot MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.${token}`, MESSAGES, String(FIRST + BigInt(id)))
      keys.add(key)
      for (let bit = 0; bit < 53; bit += 1) ones[bit] = (ones[bit] ?? 0) + (Math.floor(key / 2 ** bit) % 2)
    }
  }
  expect(keys.size).toBe(500_000)
  for (const count of ones) expect(count / keys.size).toBeWithin(0.49, 0.51)
})
