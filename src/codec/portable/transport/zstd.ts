// zstd-stream; being written.

import { DecodeError } from "../../decoder.ts"
import type { Transport } from "./transport.ts"

export function zstdTransport(): Transport {
  return {
    push() {
      throw new DecodeError("transport", "Cannot decompress: the portable codec does not read zstd yet. Choose zlib.")
    },
    reset() {},
  }
}
