import { describe, expect, test } from "bun:test"
import { problemsOf, read, TOKEN, warningsOf } from "../fixtures/gateway-config.ts"

const NO_VARIABLE = { DISCORD_TOKEN: "" }

describe("the token", () => {
  test("may stand in the file", () => {
    expect(read(`token = "${TOKEN}"`, NO_VARIABLE).config.token.reveal()).toBe(TOKEN)
  })

  for (const wrapped of [` ${TOKEN}\n`, `"${TOKEN}"`, `'${TOKEN}'`, `Bot ${TOKEN}`, `"Bot ${TOKEN}"`]) {
    test(`is taken out of ${wrapped.replace(TOKEN, "…").trim()}`, () => {
      const { config, warnings } = read("", { DISCORD_TOKEN: wrapped })
      expect(config.token.reveal()).toBe(TOKEN)
      expect(warnings).toEqual([])
    })
  }

  test("#36 is asked for when it is missing", () => {
    expect(problemsOf("", NO_VARIABLE)).toEqual([
      "DISCORD_TOKEN: the token is missing: set DISCORD_TOKEN or DISCORD_TOKEN_FILE, or token or token_file in the file, which the command init writes.",
    ])
    expect(problemsOf('token = ""', { DISCORD_TOKEN: undefined })[0]).toStartWith(
      "gateway.toml:1: the token is missing",
    )
  })

  const refused: readonly (readonly [string, string])[] = [
    ["Bearer abc", "DISCORD_TOKEN: token begins with Bearer: a gateway needs a bot's token, not a user's."],
    ["two words", "DISCORD_TOKEN: token holds a space or a character that no token has: copy it again."],
    ["tökn", "DISCORD_TOKEN: token holds a space or a character that no token has: copy it again."],
    ["ab\ncd", "DISCORD_TOKEN: token holds a space or a character that no token has: copy it again."],
    ['""', "DISCORD_TOKEN: token is empty: copy the bot's token from Discord's developer portal."],
  ]
  for (const [token, problem] of refused) {
    test(`#36 says: ${problem}`, () => {
      expect(problemsOf("", { DISCORD_TOKEN: token })).toEqual([problem])
    })
  }

  test("#36 that is not text is refused without a look at it", () => {
    expect(problemsOf("token = 12345", NO_VARIABLE)).toEqual([
      "gateway.toml:1: token is not text: write the bot's token in quotes.",
    ])
  })

  test("of another shape draws a warning when it is for Discord itself", () => {
    expect(warningsOf("", { DISCORD_TOKEN: "abc" })).toEqual([
      "DISCORD_TOKEN: the token does not look like a bot's, which has three parts with dots between: Discord may refuse it.",
    ])
    expect(warningsOf("", { DISCORD_TOKEN: "abc", DISCORD_API_HOST: "localhost:3000" })).toEqual([])
  })
})

describe("the token's file", () => {
  const files = { "/run/secrets/token": `${TOKEN}\n` }

  test("may be named by variable or key", () => {
    const byVariable = { ...NO_VARIABLE, DISCORD_TOKEN_FILE: "/run/secrets/token" }
    expect(read("", byVariable, { files }).config.token.reveal()).toBe(TOKEN)
    expect(read('token_file = "/run/secrets/token"', NO_VARIABLE, { files }).config.token.reveal()).toBe(TOKEN)
  })

  test("of the environment wins over the file's token, and the other way round", () => {
    const byVariable = { ...NO_VARIABLE, DISCORD_TOKEN_FILE: "/run/secrets/token" }
    expect(read('token = "other"', byVariable, { files }).config.token.reveal()).toBe(TOKEN)
    expect(read('token_file = "/nowhere"').config.token.reveal()).toBe(TOKEN)
  })

  test("#36 beside a token in the same place is a contradiction", () => {
    expect(problemsOf("", { DISCORD_TOKEN_FILE: "/run/secrets/token" }, { files })).toEqual([
      "DISCORD_TOKEN_FILE: token and token_file are both set: keep one of them.",
    ])
  })

  test("#36 that cannot be read is named", () => {
    expect(problemsOf('token_file = "/nowhere"', NO_VARIABLE)).toEqual([
      "gateway.toml:1: token_file /nowhere cannot be read (ENOENT): give the path of a file with the token.",
    ])
  })

  test("#36 that is empty is named", () => {
    expect(problemsOf('token_file = "/empty"', NO_VARIABLE, { files: { "/empty": "\n" } })).toEqual([
      "gateway.toml:1: the token in /empty is empty: copy the bot's token from Discord's developer portal.",
    ])
  })
})

describe("#35 a token in the wrong setting is not printed", () => {
  for (const variable of [
    "DISCORD_TOKEN_FILE",
    "DISCORD_INTENTS",
    "DISCORD_COMPRESSION",
    "BROKER_TYPE",
    "DISCORD_SHARD_IDS",
  ]) {
    test(`such as ${variable}`, () => {
      const problems = problemsOf("", { ...NO_VARIABLE, [variable]: TOKEN })
      expect(problems.length).toBeGreaterThan(0)
      expect(problems.join("\n")).not.toContain(TOKEN)
    })
  }
})
