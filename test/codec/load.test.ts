// Which codec runs, and that it says why.

import { describe, expect, test } from "bun:test"
import { loadCodec } from "../../src/codec/load.ts"
import { nativeOrSkip } from "../contract/codec-native.ts"

const native = nativeOrSkip()

describe("loadCodec", () => {
  test("gives the portable codec when it is asked for", () => {
    const { name, description } = loadCodec("portable")
    expect({ name, description }).toEqual({ name: "portable", description: "portable" })
  })

  test.skipIf(native === undefined)("prefers the native codec", () => {
    expect(loadCodec("auto").name).toBe("native")
    expect(loadCodec("native").description).toMatch(/^native \d+\.\d+\.\d+ \(\w+\)$/)
  })

  test("falls back to the portable codec and says why, but not where the native one is asked for", () => {
    const missing = () => {
      throw new Error("Cannot load the native codec: it was not built.")
    }
    const { name, description } = loadCodec("auto", missing)
    expect({ name, description }).toEqual({
      name: "portable",
      description: "portable (Cannot load the native codec: it was not built.)",
    })
    expect(() => loadCodec("native", missing)).toThrow("it was not built")
  })
})
