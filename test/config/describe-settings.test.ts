import { expect, test } from "bun:test"
import { settingsText } from "../../src/config/describe-settings.ts"
import { optional, setting } from "../../src/config/settings.ts"
import { integer, text } from "../../src/config/values.ts"

test("a terminal gets each setting with its variables and default, and what it is without Markdown, in short lines", () => {
  const table = {
    token: optional({ about: "The token.", otherwise: "needed", variables: ["TOKEN"], schema: text("a") }),
    pool: setting({
      about: `Of \`redis\`, see [scaling](scaling.md). ${"word ".repeat(30).trim()}`,
      variables: ["A", "B"],
      schema: integer(1, 9),
      fallback: 5,
    }),
    "redis.url": optional({ about: "Where.", sharesVariablesOf: "token", variables: [], schema: text("a") }),
  }
  const printed = settingsText(table)
  expect(printed).toStartWith(
    "token  (TOKEN, needed)\n    The token.\n\npool  (A or B, default 5)\n    Of redis, see scaling. word",
  )
  expect(printed).toEndWith("redis.url  (TOKEN)\n    Where.\n")
  expect(Math.max(...printed.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100)
})
