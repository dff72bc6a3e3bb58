// Discord's intents, held against its documentation where a slip would be easy.

import { describe, expect, test } from "bun:test"
import { ALL_INTENTS, hasIntent, INTENT_BITS, type Intent, intentBits, intentNamed } from "../../src/discord/intents.ts"

describe("intents", () => {
  test("make up the documented number together", () => {
    expect(intentBits(Object.keys(INTENT_BITS) as Intent[])).toBe(ALL_INTENTS)
  })

  test("have aliases, and unknown names have none", () => {
    expect(intentNamed("GUILD")).toBe("GUILDS")
    expect(intentNamed("GUILD_BANS")).toBe("GUILD_MODERATION")
    expect(intentNamed("GUILDZ")).toBeUndefined()
    expect(intentNamed("toString")).toBeUndefined()
  })

  test("are found in a bit field", () => {
    expect(hasIntent(intentBits(["GUILD_MESSAGES"]), "GUILD_MESSAGES")).toBe(true)
    expect(hasIntent(intentBits(["GUILD_MESSAGES"]), "GUILDS")).toBe(false)
  })
})
