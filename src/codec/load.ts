// Finds the codec to run: the native one where its addon loads, else the portable one, with the reason in its description.

import type { Codec, CodecChoice } from "./codec.ts"
import { portableCodec } from "./portable/codec.ts"

/** @throws Error when `native` is asked for and its addon does not load. */
export function loadCodec(choice: CodecChoice): Codec {
  if (choice === "native") throw new Error("Cannot load the native codec: it is being written.")
  return choice === "portable" ? portableCodec() : portableCodec("native addon not built")
}
