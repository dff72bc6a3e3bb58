import { describe, expect, test } from "bun:test"
import { GATEWAY_SETTINGS } from "../../src/config/gateway-settings.ts"
import type { Setting } from "../../src/config/settings.ts"

describe("every default of the gateway", () => {
  for (const [key, { schema, fallback }] of Object.entries<Setting<unknown>>(GATEWAY_SETTINGS)) {
    if (fallback === undefined) continue
    test(`of ${key} passes its own rule`, () => {
      expect(schema.safeParse(fallback).success).toBe(true)
    })
  }
})
