// The native codec for tests, where its addon is built.

import type { Codec } from "../../src/codec/codec.ts"
import { loadNative } from "../../src/codec/native/load.ts"

/** @returns undefined where the addon does not load, and says so, so that skipped tests are seen. */
export function nativeOrSkip(): Codec | undefined {
  try {
    return loadNative()
  } catch (error) {
    console.warn(`Native codec tests are skipped: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}
