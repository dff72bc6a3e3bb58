// The portable codec: no addon, public APIs only.

import type { Codec } from "../codec.ts"
import { PortableDecoder } from "./decoder.ts"
import { portableEncoder } from "./encoder.ts"

/** @param reason why it runs, for `description`: a clause such as `native addon not built: run bun run build:native` */
export function portableCodec(reason?: string): Codec {
  return {
    name: "portable",
    description: reason === undefined ? "portable" : `portable (${reason})`,
    decoder: (options) => new PortableDecoder(options),
    encoder: portableEncoder,
  }
}
