import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "@iarna/toml"
import { GATEWAY_SETTINGS } from "../../src/config/gateway-settings.ts"
import type { Setting } from "../../src/config/settings.ts"
import { problemsOf } from "../fixtures/gateway-config.ts"

const DOCUMENT = readFileSync(join(import.meta.dir, "../../docs/configuration.md"), "utf8")

interface Row {
  readonly key: string
  readonly variables: readonly string[]
  readonly fallback: string
}

/** The rows of the tables: `| key | variable | default | what it is |`. */
const ROWS: readonly Row[] = DOCUMENT.split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => {
    const [key = "", variables = "", fallback = ""] = line.split("|").slice(1)
    return { key: code(key)[0] ?? "", variables: code(variables), fallback: fallback.trim() }
  })

function code(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text)
}

describe("docs/configuration.md", () => {
  test("has a row for every key, and no other", () => {
    expect(ROWS.map(({ key }) => key).sort()).toEqual(Object.keys(GATEWAY_SETTINGS).sort())
  })

  for (const [key, own] of Object.entries<Setting<unknown>>(GATEWAY_SETTINGS)) {
    const row = ROWS.find((one) => one.key === key)

    test(`names the variables of ${key}`, () => {
      // REDIS_URL is read as a list, but stands for the single URL too.
      const variables = key === "redis.url" ? ["REDIS_URL"] : [...own.variables]
      expect(row?.variables).toEqual(variables)
    })

    test(`tells the default of ${key}`, () => {
      if (own.fallback !== undefined) expect(row?.fallback).toBe(`\`${own.fallback}\``)
      else expect(row?.fallback).not.toStartWith("`")
    })
  }

  test("shows examples that can be read", () => {
    const examples = [...DOCUMENT.matchAll(/```toml\n(.*?)```/gs)].map(([, text = ""]) => text)
    expect(examples.length).toBeGreaterThan(2)
    for (const text of examples) {
      expect(() => parse(text)).not.toThrow()
      expect(problemsOf(text.replace("your bot's token", "abc"))).toEqual([])
    }
  })
})

describe("every default", () => {
  for (const [key, { schema, fallback }] of Object.entries<Setting<unknown>>(GATEWAY_SETTINGS)) {
    if (fallback === undefined) continue
    test(`of ${key} passes its own rule`, () => {
      expect(schema.safeParse(fallback).success).toBe(true)
    })
  }
})
