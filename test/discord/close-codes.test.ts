// What to do for each close code.

import { describe, expect, test } from "bun:test"
import { closeRule, RESUMABLE_CLOSE_CODE } from "../../src/discord/close-codes.ts"

describe("close codes", () => {
  test("that stop say what to change, and others have no such sentence", () => {
    for (let code = 1000; code < 5000; code += 1) {
      const { action, remedy } = closeRule(code)
      expect(remedy !== undefined).toBe(action === "stop")
    }
  })

  test("ours keeps the session", () => {
    expect(RESUMABLE_CLOSE_CODE).not.toBeOneOf([1000, 1001])
  })
})
