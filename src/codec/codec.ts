// A codec: what makes decoders and encoders. `loadCodec` finds the native one and falls back to the portable one.

import type { Compression } from "../discord/gateway-url.ts"
import type { Decoder, DecoderOptions } from "./decoder.ts"
import type { Encoder } from "./encoder.ts"

export interface Codec {
  readonly name: "native" | "portable"
  /** What runs, for logs and `--version`: `native 0.1.0 (sse2)`, or `portable (native addon not built: run …)`. */
  readonly description: string
  decoder(options: DecoderOptions): Decoder
  encoder(compression: Compression): Encoder
}

/** `auto`: native where it loads, else portable. `native`: throws where it does not load. */
export type CodecChoice = "auto" | "native" | "portable"
