// Finds the codec to run: the native one where its addon loads, else the portable one, with the reason in its description.

import type { Codec, CodecChoice } from "./codec.ts"
import { loadNative } from "./native/load.ts"
import { portableCodec } from "./portable/codec.ts"

/**
 * @param native loads the native codec or throws; given by tests
 * @throws Error when `native` is asked for and its addon does not load; the message says what to do.
 */
export function loadCodec(choice: CodecChoice, native: () => Codec = loadNative): Codec {
  if (choice === "portable") return portableCodec()
  if (choice === "native") return native()
  try {
    return native()
  } catch (error) {
    return portableCodec(error instanceof Error ? error.message : String(error))
  }
}
