// What a reshard costs the events of the time: CPU in the gateway for each that passes a gate, and the delay from Discord's
// dispatch to the entry in Redis while guilds change hands. Redis, three gateways and the simulator share this machine.

import { Redis } from "ioredis"
import { withKeyFields } from "../src/brokers/redis/keyed-batch.ts"
import { type EventBatch, RECORD_INTS } from "../src/codec/batch.ts"
import { DEFAULT_DECODER_LIMITS } from "../src/codec/decoder.ts"
import type { Encoding } from "../src/codec/encoding.ts"
import { loadCodec } from "../src/codec/load.ts"
import { snowflakeTimeMs } from "../src/discord/snowflake.ts"
import { systemClock } from "../src/flow/clock.ts"
import type { Side } from "../src/gateway/reshard/change.ts"
import { GuildGate } from "../src/gateway/reshard/guild-gate.ts"
import { SKEW_MS, timesOf } from "../src/gateway/reshard/hand-over.ts"
import { corpus } from "../src/simulator/corpus/corpus.ts"
import { startSimulator } from "../src/simulator/start.ts"
import { FleetUnderTest } from "../test/fixtures/fleet.ts"
import { TOKEN } from "../test/fixtures/gateway-process.ts"
import { startRedisServer } from "../test/fixtures/redis-server.ts"
import { newReshardClient, type ReshardClient } from "../test/fixtures/reshard-client.ts"
import { type Benchmark, type BenchmarkCase, measure, type Sample } from "./benchmark.ts"

const BATCH_EVENTS = 64
const EVENTS = 20_000
const PASSES = 10
const GATEWAYS = 3
const OLD_SHARDS = 8
/** Events a second of each of the old shards. */
const RATE = 50
const LEASE_MS = 2_000
const SKEW = "2s"
const SMOKE_SKEW = "200ms"
const CALM_MS = 20_000
const SMOKE_CALM_MS = 1_000

export const benchmark: Benchmark = {
  question: "What does a reshard cost the events of the time?",
  cases: [
    ...(["msgpack", "json"] as const).flatMap((body): BenchmarkCase[] => [
      passing(body, "old", "passes unread", () => {}),
      passing(body, "old", "is published with its key, and remembered", (gate) => gate.remember(0)),
      passing(body, "new", "is held back", (gate) => gate.hold(0)),
      passing(body, "new", "is another session's, and nothing is in hand", () => {}),
    ]),
    keying(),
    delay("8 shards, no reshard", (_client, smoke) => Bun.sleep(smoke ? SMOKE_CALM_MS : CALM_MS)),
    delay("8 shards become 16", (client) => client.run(OLD_SHARDS, 16)),
    delay("8 shards become 16, and these 12", async (client, smoke) => {
      // The one before shows that it works.
      if (smoke) return Bun.sleep(SMOKE_CALM_MS)
      await client.run(OLD_SHARDS, 16)
      await client.run(16, 12)
    }),
  ],
}

/** All of them through a gate of one shard, whose guilds are one pair's. */
function passing(
  body: "msgpack" | "json",
  side: Side,
  what: string,
  prepare: (gate: GuildGate) => void,
): BenchmarkCase {
  return {
    name: `${body}: an event ${what}`,
    run({ smoke }) {
      const encoding: Encoding = { body, framing: { type: "redis" } }
      const batches = batchesOf(encoding)
      const gate = new GuildGate({
        ...{ side, shard: 0, count: 1, others: 1, encoding, times: timesOf(SKEW_MS), changes: new Map() },
        clock: systemClock,
      })
      gate.begin("session", 0)
      gate.live(true)
      prepare(gate)
      return measure(() => {
        for (let pass = 0; pass < (smoke ? 1 : PASSES); pass += 1) for (const batch of batches) gate.pass(batch)
        return EVENTS * (smoke ? 1 : PASSES)
      })
    },
  }
}

function keying(): BenchmarkCase {
  return {
    name: "msgpack: a command gets the field key",
    run({ smoke }) {
      const batches = batchesOf({ body: "msgpack", framing: { type: "redis" } })
      const keyed = batches.map((batch) => ({
        ...batch,
        keys: Array.from({ length: batch.count }, () => "MESSAGE_CREATE:1"),
      }))
      return measure(() => {
        for (let pass = 0; pass < (smoke ? 1 : PASSES); pass += 1) for (const batch of keyed) withKeyFields(batch)
        return EVENTS * (smoke ? 1 : PASSES)
      })
    },
  }
}

function batchesOf(encoding: Encoding): readonly EventBatch[] {
  const dispatches = [...corpus({ seed: 1, count: EVENTS })]
  const events = [...new Set(dispatches.map(({ t }) => t))]
  const decoder = loadCodec("auto").decoder({
    ...{ compression: "none", encoding, events, wanted: new Set(events), shard: 0 },
    limits: DEFAULT_DECODER_LIMITS,
  })
  decoder.resume("session", 0)
  const batches: EventBatch[] = []
  for (const [index, { t, d }] of dispatches.entries()) {
    decoder.push(Buffer.from(JSON.stringify({ t, s: index + 1, op: 0, d })))
    if (decoder.pendingEvents() < BATCH_EVENTS && index < EVENTS - 1) continue
    const bytes = new Uint8Array(decoder.pendingBytes())
    const records = new Int32Array(decoder.pendingEvents() * RECORD_INTS)
    const count = decoder.take(bytes, records)
    batches.push({ slot: 0, sessionId: "session", events, bytes, records, count })
  }
  decoder.close()
  return batches
}

function delay(name: string, happen: (client: ReshardClient, smoke: boolean) => Promise<void>): BenchmarkCase {
  return { name: `delay: ${name}`, run: ({ smoke }) => measureDelay(smoke, happen) }
}

async function measureDelay(smoke: boolean, happen: (client: ReshardClient, smoke: boolean) => Promise<void>) {
  const server = await startRedisServer()
  const discord = await startSimulator({
    ...{ token: TOKEN, guilds: 96, shards: OLD_SHARDS, maxConcurrency: 16, rate: 0, replayEvents: 1_000_000 },
  })
  const settings = { BROKER_FORMAT: "json", DISCORD_SHARD_RESHARD_SKEW: smoke ? SMOKE_SKEW : SKEW }
  const fleet = new FleetUnderTest({ discord, redisUrl: server.url, shards: OLD_SHARDS, leaseMs: LEASE_MS, settings })
  const client = newReshardClient(server.url)
  try {
    for (let i = 0; i < GATEWAYS; i += 1) await fleet.start()
    await fleet.balanced(GATEWAYS)
    discord.setRate(RATE)
    const startedMs = performance.now()
    await happen(client, smoke)
    const wallUs = (performance.now() - startedMs) * 1_000
    return sampleOf(await delaysMs(server.url), wallUs)
  } finally {
    await client.close()
    await fleet.stop()
    await discord.stop()
    await server.stop()
  }
}

/** Of each message's first entry. Its id tells when it was dispatched; the entry's id is Redis' clock, which is this machine's. */
async function delaysMs(url: string): Promise<number[]> {
  const redis = new Redis(url, { protocol: 2 })
  const delays = new Map<string, number>()
  for (const [entry, fields] of await redis.xrange("MESSAGE_CREATE", "-", "+")) {
    const { id } = JSON.parse(fields[fields.indexOf("data") + 1] ?? "{}")
    if (!delays.has(id)) delays.set(id, Math.max(0, Number(entry.split("-")[0]) - snowflakeTimeMs(id)))
  }
  redis.disconnect()
  return [...delays.values()].sort((a, b) => a - b)
}

function sampleOf(sortedMs: readonly number[], wallUs: number): Sample {
  const at = (share: number) => (sortedMs[Math.floor((sortedMs.length - 1) * share)] ?? 0) * 1_000
  return { events: sortedMs.length, cpuUs: 0, wallUs, latencyUs: [at(0.5), at(0.99), at(0.999)] }
}
