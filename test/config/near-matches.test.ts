import { describe, expect, test } from "bun:test"
import { didYouMean, editDistance, nearMatches } from "../../src/config/near-matches.ts"

const NAMES = ["GUILDS", "GUILD_MESSAGES", "DIRECT_MESSAGES", "MESSAGE_CONTENT"]

describe("nearMatches", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["GUILDZ", ["GUILDS"]],
    ["guilds", ["GUILDS"]],
    ["GUILD_MESAGES", ["GUILD_MESSAGES"]],
    ["MESSAGES", ["GUILD_MESSAGES", "DIRECT_MESSAGES"]],
    ["VOICE", []],
    ["", []],
    ["G".repeat(10_000), []],
  ]
  for (const [text, matches] of cases) {
    test(`finds ${matches.join(", ") || "nothing"} for ${JSON.stringify(text.slice(0, 20))}`, () => {
      expect(nearMatches(text, NAMES)).toEqual([...matches])
    })
  }

  test("gives at most three names", () => {
    expect(nearMatches("NAME1", ["NAME2", "NAME3", "NAME4", "NAME5"])).toHaveLength(3)
  })
})

describe("didYouMean", () => {
  test("asks in words", () => {
    expect(didYouMean("MESSAGES", NAMES)).toBe(" Did you mean GUILD_MESSAGES or DIRECT_MESSAGES?")
    expect(didYouMean("GUILDZ", NAMES)).toBe(" Did you mean GUILDS?")
    expect(didYouMean("AAA1", ["AAA2", "AAA3", "AAA4"])).toBe(" Did you mean AAA2, AAA3 or AAA4?")
  })

  test("says nothing when nothing is near", () => {
    expect(didYouMean("VOICE", NAMES)).toBe("")
  })
})

test("editDistance counts letters put in, taken out and exchanged, and neighbours that changed places", () => {
  expect(editDistance("", "abc")).toBe(3)
  expect(editDistance("kitten", "sitting")).toBe(3)
  expect(editDistance("same", "same")).toBe(0)
  expect(editDistance("prot", "port")).toBe(1)
})
