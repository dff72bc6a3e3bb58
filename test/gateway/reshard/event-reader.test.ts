// Events where they lie: every form that a broker asks for, as both codecs write it.

import { describe, expect, test } from "bun:test"
import { type EventBatch, RECORD_INTS } from "../../../src/codec/batch.ts"
import type { Codec } from "../../../src/codec/codec.ts"
import { DEFAULT_DECODER_LIMITS } from "../../../src/codec/decoder.ts"
import type { Encoding } from "../../../src/codec/encoding.ts"
import { loadNative } from "../../../src/codec/native/load.ts"
import { portableCodec } from "../../../src/codec/portable/codec.ts"
import { EventReader } from "../../../src/gateway/reshard/event-reader.ts"
import { recordAt } from "../../../src/gateway/reshard/held-event.ts"
import { corpus } from "../../../src/simulator/corpus/corpus.ts"

const CODECS: readonly Codec[] = [portableCodec(), loadNative()]
const ENCODINGS: readonly Encoding[] = (["msgpack", "json", "discordjs"] as const).flatMap((body): Encoding[] => [
  { body, framing: { type: "bare" } },
  ...(body === "discordjs" ? [] : [{ body, framing: { type: "stdio" } } as const]),
  { body, framing: { type: "redis" } },
  { body, framing: { type: "redis", retentionMs: 60_000 } },
  { body, framing: { type: "redis", maxLength: 1_000 } },
])
const LONG_NAME = "AN_EVENT_THAT_DISCORD_MAY_ADD_SOME_DAY"
const DISPATCHES = [
  ...[...corpus({ seed: 7, count: 300 })].map(({ t, d }) => ({ t, d })),
  { t: "data", d: { id: "1", text: "data\r\n*\r\n$4\r\ndata" } },
  { t: LONG_NAME, d: null },
  { t: 'A"é', d: [1.5, "ü\n", -1] },
]
const NAMES = [...new Set(DISPATCHES.map(({ t }) => t))]

function decode(codec: Codec, encoding: Encoding, shard: number, firstSequence: number): EventBatch {
  const decoder = codec.decoder({
    ...{ compression: "none", encoding, events: NAMES, wanted: new Set(NAMES), shard },
    limits: DEFAULT_DECODER_LIMITS,
  })
  decoder.resume("session", firstSequence - 1)
  for (const [index, { t, d }] of DISPATCHES.entries()) {
    decoder.push(Buffer.from(JSON.stringify({ t, s: firstSequence + index, op: 0, d })))
  }
  const bytes = new Uint8Array(decoder.pendingBytes())
  const records = new Int32Array(decoder.pendingEvents() * RECORD_INTS)
  const count = decoder.take(bytes, records)
  decoder.close()
  return { slot: shard, sessionId: "session", events: NAMES, bytes, records, count }
}

function read(reader: EventReader, batch: EventBatch) {
  return Array.from({ length: batch.count }, (_, index) => {
    const { event, sequence, offset, length } = recordAt(batch, index)
    const name = batch.events[event] ?? ""
    const data = reader.data(name, batch.bytes.subarray(offset, offset + length))
    return { t: name, sequence, d: reader.decode(data), digest: reader.digest(name, data) }
  })
}

describe.each(CODECS.map((codec) => [codec.name, codec] as const))("from the %s codec", (_, codec) => {
  test.each(ENCODINGS.map((encoding) => [JSON.stringify(encoding), encoding] as const))(
    "%s: d is found",
    (_, encoding) => {
      for (const [shard, firstSequence] of [
        [0, 1],
        [200, 100],
        [300, 40_000],
        [70_000, 2 ** 40],
      ] as const) {
        const events = read(new EventReader(encoding, shard), decode(codec, encoding, shard, firstSequence))
        expect(events.map(({ t, d }) => ({ t, d }))).toEqual(DISPATCHES)
        expect(events.map(({ sequence }) => sequence)).toEqual(DISPATCHES.map((_, index) => firstSequence + index))
      }
    },
  )

  test.each(ENCODINGS.map((encoding) => [JSON.stringify(encoding), encoding] as const))(
    "%s: both sessions give an event one digest",
    (_, encoding) => {
      const of = (shard: number, firstSequence: number) =>
        read(new EventReader(encoding, shard), decode(codec, encoding, shard, firstSequence)).map(
          ({ digest }) => digest,
        )
      const digests = of(3, 1)
      expect(of(1_003, 7_000)).toEqual(digests)
      expect(new Set(digests).size).toBe(new Set(DISPATCHES.map((dispatch) => JSON.stringify(dispatch))).size)
    },
  )
})

test("equal content of another name is another event", () => {
  const reader = new EventReader({ body: "json", framing: { type: "bare" } }, 0)
  const data = Buffer.from("{}")
  expect(reader.digest("GUILD_BAN_ADD", data)).not.toBe(reader.digest("GUILD_BAN_REMOVE", data))
})
