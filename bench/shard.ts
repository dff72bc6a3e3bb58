// What does an event cost a shard? A real socket from a simulator in another process, to a sink that only counts; beside
// it the socket alone, which receives the same frames and looks at none.

import type { CodecChoice } from "../src/codec/codec.ts"
import { loadCodec } from "../src/codec/load.ts"
import { type Compression, gatewayUrl } from "../src/discord/gateway-url.ts"
import { type Benchmark, type BenchmarkCase, measure, type Sample } from "./benchmark.ts"
import { Counter } from "./feed/counter.ts"
import { startFeed } from "./feed/feed.ts"
import { ALL_INTENTS, sink, startGateway, TOKEN } from "./feed/gateway.ts"

const WARM_UP_EVENTS = 20_000
const EVENTS = 200_000
const SMOKE_EVENTS = 500

export const benchmark: Benchmark = {
  question: "What does an event cost one shard, from the socket to a sink that counts, beside the socket alone?",
  cases: [
    receiveAlone("zstd"),
    shard("native", "zstd"),
    shard("portable", "zstd"),
    receiveAlone("zlib"),
    shard("native", "zlib"),
    shard("portable", "zlib"),
  ],
  ratios: [
    // 4 µs where the socket alone costs 0.6.
    { of: "native zstd", to: "receive zstd", atMost: 4 / 0.6 },
    { of: "native zstd", to: "portable zstd", atMost: 1 / 3 },
    { of: "native zlib", to: "portable zlib", atMost: 1 / 3 },
  ],
}

function shard(codec: Exclude<CodecChoice, "auto">, compression: Compression): BenchmarkCase {
  return {
    name: `${codec} ${compression}`,
    skipped: () => whyNot(codec),
    run: ({ smoke }) => runShard(codec, compression, smoke),
  }
}

async function runShard(codec: CodecChoice, compression: Compression, smoke: boolean): Promise<Sample> {
  const feed = await startFeed(1)
  const broker = sink({ body: "msgpack", framing: { type: "bare" } })
  const gateway = await startGateway({ host: feed.host, broker, codec, compression })
  const sample = await measureBursts(feed.prepare, gateway.more, smoke)
  await gateway.stop()
  await feed.stop()
  return sample
}

function receiveAlone(compression: Compression): BenchmarkCase {
  return { name: `receive ${compression}`, run: ({ smoke }) => runReceive(compression, smoke) }
}

async function runReceive(compression: Compression, smoke: boolean): Promise<Sample> {
  const feed = await startFeed(1)
  const counter = new Counter()
  const socket = new WebSocket(gatewayUrl(feed.gatewayUrl, { version: 10, compression }), { perMessageDeflate: false })
  socket.binaryType = "nodebuffer"
  socket.onopen = () => {
    const identify = { token: TOKEN, intents: Number(ALL_INTENTS), properties: {}, shard: [0, 1] }
    socket.send(JSON.stringify({ op: 2, d: identify }))
  }
  socket.onmessage = () => counter.add(1)
  await counter.quiet()
  const sample = await measureBursts(feed.prepare, (events) => counter.more(events), smoke)
  socket.terminate()
  await feed.stop()
  return sample
}

async function measureBursts(
  prepare: (events: number) => Promise<() => void>,
  counted: (events: number) => Promise<void>,
  smoke: boolean,
): Promise<Sample> {
  const warmUp = await prepare(smoke ? SMOKE_EVENTS : WARM_UP_EVENTS)
  const warmed = counted(smoke ? SMOKE_EVENTS : WARM_UP_EVENTS)
  warmUp()
  await warmed
  const events = smoke ? SMOKE_EVENTS : EVENTS
  const send = await prepare(events)
  return measure(async () => {
    const all = counted(events)
    send()
    await all
    return events
  })
}

function whyNot(codec: CodecChoice): string | undefined {
  try {
    loadCodec(codec)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
