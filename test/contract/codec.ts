// The contract of a codec: what src/codec/decoder.ts, encoder.ts, encoding.ts and batch.ts promise, for any codec.

import { describe } from "bun:test"
import type { Codec } from "../../src/codec/codec.ts"
import { envelopeContract } from "./codec-envelope.ts"
import { framingContract } from "./codec-framing.ts"
import { COMPRESSIONS } from "./codec-harness.ts"
import { limitsContract } from "./codec-limits.ts"
import { outputContract } from "./codec-output.ts"
import { streamContract } from "./codec-stream.ts"

/** @param codec undefined when it cannot be loaded here: its tests show as skipped. */
export function codecContract(name: Codec["name"], codec: Codec | undefined): void {
  describe.skipIf(codec === undefined)(`${name} codec`, () => {
    if (codec === undefined) return
    for (const compression of COMPRESSIONS) {
      describe(`compression ${compression}`, () => streamContract(codec, compression))
    }
    describe("limits", () => limitsContract(codec))
    describe("envelope", () => envelopeContract(codec))
    describe("output", () => outputContract(codec))
    describe("framing", () => framingContract(codec))
  })
}
