import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { PAGES_WITH_SETTINGS, withSettingsTables } from "../../scripts/docs.ts"
import { optional, setting } from "../../src/config/settings.ts"
import { integer, text } from "../../src/config/values.ts"

describe("the reference of settings", () => {
  test.each(PAGES_WITH_SETTINGS.map(([path, settings]) => [basename(path), path, settings] as const))(
    "%s says what the settings say: else run `bun run docs`",
    (_name, path, settings) => {
      const page = readFileSync(path, "utf8")
      expect(withSettingsTables(page, settings)).toBe(page)
    },
  )
})

describe("a page's tables", () => {
  const settings = {
    "redis.url": optional({ about: "Where.", sharesVariablesOf: "redis.urls", variables: [], schema: text("a") }),
    "redis.urls": optional({ about: "Where all are.", variables: ["REDIS_URL"], schema: text("a") }),
    pool: setting({ about: "How many.", isOwn: true, variables: ["A", "B"], schema: integer(1, 9), fallback: 5 }),
  }

  test("have a row for each setting that the marker names, in its order, and keep the text around", () => {
    const page = "before\n<!-- settings: pool, redis.* -->\nold\n<!-- end of settings -->\nbehind\n"
    expect(withSettingsTables(page, settings)).toBe(
      [
        "before",
        "<!-- settings: pool, redis.* -->",
        "",
        "| key | variable | default | what it is |",
        "| --- | --- | --- | --- |",
        "| `pool` + | `A` or `B` | `5` | How many. |",
        "| `redis.url` | `REDIS_URL` | | Where. |",
        "| `redis.urls` | `REDIS_URL` | | Where all are. |",
        "",
        "<!-- end of settings -->",
        "behind\n",
      ].join("\n"),
    )
  })

  test("must hold every setting, and none twice", () => {
    const page = (keys: string) => `<!-- settings: ${keys} -->\n<!-- end of settings -->`
    expect(() => withSettingsTables(page("pool"), settings)).toThrow("redis.url, redis.urls: name each setting")
    expect(() => withSettingsTables(page("*, pool"), settings)).toThrow("pool: name each setting")
    expect(() => withSettingsTables(page("*, pol"), settings)).toThrow("There is no setting pol")
  })
})
