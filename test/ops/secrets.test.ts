import { describe, expect, test } from "bun:test"
import { secretCleaner } from "../../src/ops/secrets.ts"

describe("secretCleaner", () => {
  test("replaces every occurrence", () => {
    expect(secretCleaner(["secret"])("a secret, the secret")).toBe("a ***, the ***")
  })

  test("replaces a secret whole that contains another", () => {
    expect(secretCleaner(["abc", "abcdef"])("abcdef abc")).toBe("*** ***")
  })

  test("finds it escaped for JSON, for JSON within JSON, and for a URL", () => {
    const secret = 'a"b/c ü'
    const clean = secretCleaner([secret])
    const json = JSON.stringify({ secret })
    expect(clean(json)).toBe('{"secret":"***"}')
    expect(clean(JSON.stringify({ json }))).toBe('{"json":"{\\"secret\\":\\"***\\"}"}')
    expect(clean(`?t=${encodeURIComponent(secret)}`)).toBe("?t=***")
  })

  test("leaves text alone that holds no secret, and ignores empty ones", () => {
    expect(secretCleaner(["", "x"])("plain")).toBe("plain")
    expect(secretCleaner([])("plain")).toBe("plain")
  })
})
