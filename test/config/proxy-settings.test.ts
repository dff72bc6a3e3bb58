import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { PROXY_SETTINGS } from "../../src/config/proxy-settings.ts"
import type { Setting } from "../../src/config/settings.ts"

const DOCUMENT = readFileSync(join(import.meta.dir, "../../docs/proxy.md"), "utf8")
const CONFIGURATION = DOCUMENT.slice(DOCUMENT.indexOf("## Configuration"), DOCUMENT.indexOf("## Operations"))

const ROWS = CONFIGURATION.split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => {
    const [key = "", variables = "", fallback = ""] = line.split("|").slice(1)
    return { key: code(key)[0] ?? "", variables: code(variables), fallback: code(fallback)[0] }
  })

function code(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text)
}

describe("docs/proxy.md", () => {
  test("has a row for every setting, and no other, with its variables and its default", () => {
    const settings = Object.entries<Setting<unknown>>(PROXY_SETTINGS).map(([key, { variables, fallback }]) => ({
      key,
      variables: [...variables],
      fallback: fallback === undefined ? undefined : String(fallback),
    }))
    expect(ROWS).toEqual(settings)
  })

  test.each(Object.entries<Setting<unknown>>(PROXY_SETTINGS))(
    "%s has a default that its own rule takes",
    (_key, own) => {
      if (own.fallback !== undefined) expect(own.schema.safeParse(own.fallback).success).toBe(true)
    },
  )
})
