// Finds the codec to run: the native one where its addon loads, else the portable one, with the reason in its description.

import type { Codec, CodecChoice } from "./codec.ts"
import { loadNative } from "./native/load.ts"
import { portableCodec } from "./portable/codec.ts"

/** @throws Error when `native` is asked for and its addon does not load; the message says what to do. */
export function loadCodec(choice: CodecChoice): Codec {
  if (choice === "portable") return portableCodec()
  if (choice === "native") return loadNative()
  try {
    return loadNative()
  } catch (error) {
    return portableCodec(error instanceof Error ? error.message : String(error))
  }
}
