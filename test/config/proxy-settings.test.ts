import { describe, expect, test } from "bun:test"
import { PROXY_SETTINGS } from "../../src/config/proxy-settings.ts"
import type { Setting } from "../../src/config/settings.ts"

describe("every default of the proxy", () => {
  for (const [key, { schema, fallback }] of Object.entries<Setting<unknown>>(PROXY_SETTINGS)) {
    if (fallback === undefined) continue
    test(`of ${key} passes its own rule`, () => {
      expect(schema.safeParse(fallback).success).toBe(true)
    })
  }
})
