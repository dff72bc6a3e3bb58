// What Redis takes from a bare client: the same events, encoded beforehand, through one pipelined connection.

import { parseRedisUrl } from "../../src/brokers/redis/address.ts"
import { connectToRedis } from "../../src/brokers/redis/connection.ts"
import { RECORD_INTS } from "../../src/codec/batch.ts"
import { DEFAULT_DECODER_LIMITS } from "../../src/codec/decoder.ts"
import { loadCodec } from "../../src/codec/load.ts"
import { corpus } from "../../src/simulator/corpus/corpus.ts"
import { startRedisServer } from "../../test/fixtures/redis-server.ts"
import { measure, type Sample } from "../benchmark.ts"
import { BURST_EVENTS, measureBursts, SMOKE_EVENTS } from "../feed/bursts.ts"
import { ALL_EVENTS } from "../feed/gateway.ts"
import { BATCH_EVENTS, REDIS_BURST, REDIS_ENCODING, WINDOW_EVENTS } from "./settings.ts"

export async function runBareRedisClient(smoke: boolean): Promise<Sample> {
  const server = await startRedisServer()
  const batches = encodedBatches(smoke ? SMOKE_EVENTS : BURST_EVENTS)
  const ready = Promise.withResolvers<void>()
  let onReply = () => {}
  const connection = connectToRedis(parseRedisUrl(server.url), {
    ready: () => ready.resolve(),
    reply: () => onReply(),
    error: (text) => ready.reject(new Error(text)),
    refused: (text) => ready.reject(new Error(text)),
    closed: () => {},
  })
  await ready.promise
  const burst = (events: number) =>
    new Promise<number>((resolve) => {
      let sent = 0
      let confirmed = 0
      let next = 0
      const fill = () => {
        for (; sent < events && sent - confirmed < WINDOW_EVENTS; next += 1) {
          const batch = batches[next % batches.length]
          if (batch === undefined) return
          connection.write(batch.bytes)
          sent += batch.count
        }
      }
      onReply = () => {
        confirmed += 1
        if (confirmed === sent && sent >= events) resolve(sent)
        else if (confirmed % BATCH_EVENTS === 0) fill()
      }
      fill()
    })
  const sample = await measureBursts(smoke, async (events) => () => measure(() => burst(events)), REDIS_BURST)
  connection.close("measured")
  await server.stop()
  return sample
}

function encodedBatches(count: number): { readonly bytes: Uint8Array; readonly count: number }[] {
  const utf8 = new TextEncoder()
  const decoder = loadCodec("auto").decoder({
    ...{ compression: "none", encoding: REDIS_ENCODING, events: ALL_EVENTS, wanted: new Set(ALL_EVENTS), shard: 0 },
    limits: DEFAULT_DECODER_LIMITS,
  })
  decoder.setTime(Date.now())
  const batches: { bytes: Uint8Array; count: number }[] = []
  let sequence = 0
  const take = () => {
    const bytes = new Uint8Array(decoder.pendingBytes())
    const records = new Int32Array(decoder.pendingEvents() * RECORD_INTS)
    if (bytes.length > 0) batches.push({ bytes, count: decoder.take(bytes, records) })
  }
  for (const { t, d } of corpus({ seed: 1, count })) {
    sequence += 1
    decoder.push(utf8.encode(JSON.stringify({ t, s: sequence, op: 0, d })))
    if (sequence % BATCH_EVENTS === 0) take()
  }
  take()
  return batches
}
