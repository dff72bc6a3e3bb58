// What does it cost to decode? One message a frame, mixed events of about 1.15 KB, bytes in, MessagePack records taken.

import type { Codec } from "../src/codec/codec.ts"
import { DEFAULT_DECODER_LIMITS } from "../src/codec/decoder.ts"
import { loadAddon, loadNative } from "../src/codec/native/load.ts"
import { portableCodec } from "../src/codec/portable/codec.ts"
import type { Compression } from "../src/discord/gateway-url.ts"
import { corpus } from "../src/simulator/corpus/corpus.ts"
import { type Benchmark, type BenchmarkCase, measure } from "./benchmark.ts"

const SEED = 1
const EVENTS = 20_000
const SMOKE_EVENTS = 200
const MEASURED_EVENTS = 200_000
/** As the gateway takes them. */
const TAKE_EVERY = 64

const COMPRESSIONS = ["zlib", "zstd"] as const

export const benchmark: Benchmark = {
  question: "What does decoding a gateway event cost, beside the decompression that it needs?",
  cases: COMPRESSIONS.flatMap((compression) => [
    bareInflate(compression),
    decoding("native", loadNative, compression),
    decoding("portable", () => portableCodec(), compression),
  ]),
  ratios: [
    { of: "native zlib", to: "inflate zlib", atMost: 1.35 },
    { of: "native zstd", to: "inflate zstd", atMost: 1.7 },
    { of: "native zlib", to: "portable zlib", atMost: 1 / 3 },
    { of: "native zstd", to: "portable zstd", atMost: 1 / 3 },
  ],
}

/** Decompression alone, through the same addon in a call of the same shape. */
function bareInflate(compression: Compression): BenchmarkCase {
  return {
    name: `inflate ${compression}`,
    skipped: withoutAddon,
    run: ({ smoke }) => {
      const { frames } = stream(compression, smoke)
      return repeat(frames, smoke, () => {
        const inflate = loadAddon().bareInflate(compression)
        for (const frame of frames) inflate(frame)
      })
    },
  }
}

function decoding(name: Codec["name"], load: () => Codec, compression: Compression): BenchmarkCase {
  return {
    name: `${name} ${compression}`,
    skipped: withoutAddon,
    run: ({ smoke }) => {
      const { frames, names } = stream(compression, smoke)
      const bytes = new Uint8Array(4 * 1024 * 1024)
      const records = new Int32Array(TAKE_EVERY * 5)
      const decoder = load().decoder({
        compression,
        encoding: { body: "msgpack", framing: { type: "bare" } },
        events: names,
        wanted: new Set(names),
        shard: 0,
        limits: DEFAULT_DECODER_LIMITS,
      })
      return repeat(frames, smoke, () => {
        decoder.reset()
        let taken = 0
        let pushed = 0
        for (const frame of frames) {
          decoder.push(frame)
          if (++pushed % TAKE_EVERY === 0) taken += decoder.take(bytes, records)
        }
        taken += decoder.take(bytes, records)
        if (taken !== frames.length) throw new Error(`Decoded ${taken} of ${frames.length} events.`)
      })
    },
  }
}

/** One pass to warm up, then as many as it takes. */
function repeat(frames: readonly Uint8Array[], smoke: boolean, pass: () => void) {
  const passes = smoke ? 1 : Math.ceil(MEASURED_EVENTS / frames.length)
  pass()
  return measure(() => {
    for (let n = 0; n < passes; n++) pass()
    return passes * frames.length
  })
}

function stream(compression: Compression, smoke: boolean) {
  const encoder = loadNative().encoder(compression)
  const utf8 = new TextEncoder()
  const names = new Set<string>()
  const frames: Uint8Array[] = []
  let sequence = 0
  for (const { t, d } of corpus({ seed: SEED, count: smoke ? SMOKE_EVENTS : EVENTS })) {
    names.add(t)
    frames.push(encoder.encode(utf8.encode(JSON.stringify({ t, s: ++sequence, op: 0, d }))))
  }
  encoder.close()
  return { frames, names: [...names] }
}

/** The other codec's stream is encoded by the addon too, so that both read the same bytes. */
function withoutAddon(): string | undefined {
  try {
    loadAddon()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
