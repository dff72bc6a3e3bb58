// What does publishing one event of 1 KB cost the client? The same XADD, with trimming and id, through what could publish
// it: ioredis, Bun's own client, and our connection, bare and as the broker uses it (a transaction a round).

import { Redis } from "ioredis"
import { parseRedisUrl } from "../src/brokers/redis/address.ts"
import { redisBroker } from "../src/brokers/redis/broker.ts"
import { command } from "../src/brokers/redis/commands.ts"
import { connectToRedis } from "../src/brokers/redis/connection.ts"
import { type EventBatch, RECORD_INTS, RecordField } from "../src/codec/batch.ts"
import { silentLogger } from "../src/ops/log.ts"
import { type RedisServer, startRedisServer } from "../test/fixtures/redis-server.ts"
import { type Benchmark, type BenchmarkCase, measure } from "./benchmark.ts"

const STREAM = "MESSAGE_CREATE"
const BODY = "x".repeat(1_000)
const ID = "0123456789abcdef0123456789abcdef:1234567"
const RETENTION_MS = 60_000
/** Events of one batch, as a busy shard hands them over. */
const BATCH_EVENTS = 64
/** Events in flight. */
const WINDOW_EVENTS = 8_192
const WARM_UP_EVENTS = 10_240
const EVENTS = 204_800
const SMOKE_EVENTS = 640

export const benchmark: Benchmark = {
  question: "What does one XADD of 1 KB cost the client that sends it?",
  cases: [
    client("ioredis", ioredis),
    client("Bun.RedisClient", bunClient),
    client("our connection, bare pipeline", bareConnection),
    client("our broker, transactions", broker),
  ],
  ratios: [
    { of: "our broker, transactions", to: "ioredis", atMost: 1 / 5 },
    { of: "our broker, transactions", to: "Bun.RedisClient", atMost: 1 / 2 },
  ],
}

interface Connected {
  /** Sends events, `WINDOW_EVENTS` at most in flight. Resolves when all are confirmed. */
  readonly send: (events: number) => Promise<void>
  readonly close: () => unknown
}

function client(name: string, connect: (server: RedisServer) => Connected): BenchmarkCase {
  return {
    name,
    skipped: () => (Bun.which("redis-server") === null ? "Redis is not installed" : undefined),
    async run({ smoke }) {
      const server = await startRedisServer()
      const { send, close } = connect(server)
      await send(smoke ? SMOKE_EVENTS : WARM_UP_EVENTS)
      const events = smoke ? SMOKE_EVENTS : EVENTS
      const sample = await measure(async () => {
        await send(events)
        return events
      })
      const stored = Number(await server.command("XINFO", "STREAM", STREAM).then(entriesAdded))
      if (stored < events) throw new Error(`Only ${stored} of ${events} events arrived.`)
      await close()
      await server.stop()
      return sample
    },
  }
}

function entriesAdded(info: string): string | undefined {
  const lines = info.split("\n")
  return lines[lines.indexOf("entries-added") + 1]
}

/** Whatever answers with a promise: for each event, or for a batch of them. */
function general(add: () => Promise<unknown>, eventsEach = 1): Connected["send"] {
  return (events) =>
    new Promise((resolve, reject) => {
      let sent = 0
      let confirmed = 0
      const onConfirm = () => {
        confirmed += eventsEach
        if (confirmed >= events) resolve()
        else if (sent - confirmed <= WINDOW_EVENTS / 2) fill()
      }
      const fill = () => {
        for (; sent < events && sent - confirmed < WINDOW_EVENTS; sent += eventsEach) add().then(onConfirm, reject)
      }
      fill()
    })
}

function words(): string[] {
  return ["MINID", "~", String(Date.now() - RETENTION_MS), "*", "data", BODY, "id", ID]
}

function ioredis(server: RedisServer): Connected {
  const redis = new Redis(server.url, { protocol: 2, enableAutoPipelining: true })
  const body = Buffer.from(BODY)
  const add = () => redis.xadd(STREAM, "MINID", "~", String(Date.now() - RETENTION_MS), "*", "data", body, "id", ID)
  return { send: general(add), close: () => redis.disconnect() }
}

function bunClient(server: RedisServer): Connected {
  const redis = new Bun.RedisClient(server.url)
  return { send: general(() => redis.send("XADD", [STREAM, ...words()])), close: () => redis.close() }
}

function batch(): EventBatch {
  const one = command("XADD", STREAM, ...words())
  const records = new Int32Array(BATCH_EVENTS * RECORD_INTS)
  for (let index = 0; index < BATCH_EVENTS; index += 1) {
    records[index * RECORD_INTS + RecordField.offset] = index * one.length
    records[index * RECORD_INTS + RecordField.length] = one.length
  }
  const bytes = Buffer.concat(Array.from({ length: BATCH_EVENTS }, () => one))
  return { slot: 0, sessionId: "session", events: [STREAM], bytes, records, count: BATCH_EVENTS }
}

function bareConnection(server: RedisServer): Connected {
  const { bytes } = batch()
  let onReply = () => {}
  const ready = Promise.withResolvers<void>()
  const connection = connectToRedis(parseRedisUrl(server.url), {
    ready: () => ready.resolve(),
    reply: () => onReply(),
    error: (text) => ready.reject(new Error(text)),
    refused: (text) => ready.reject(new Error(text)),
    closed: () => {},
  })
  const send = async (events: number) => {
    await ready.promise
    let sent = 0
    let confirmed = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    const fill = () => {
      for (; sent < events && sent - confirmed < WINDOW_EVENTS; sent += BATCH_EVENTS) connection.write(bytes)
    }
    onReply = () => {
      confirmed += 1
      if (confirmed === events) resolve()
      else if (confirmed % BATCH_EVENTS === 0) fill()
    }
    fill()
    await promise
  }
  return { send, close: () => connection.close("measured") }
}

function broker(server: RedisServer): Connected {
  const redis = redisBroker({
    ...{ urls: [server.url], group: "gateway", body: "msgpack", trimming: { retentionMs: RETENTION_MS }, poolSize: 1 },
    logger: silentLogger,
  })
  const full = batch()
  return { send: general(() => redis.publish(full), BATCH_EVENTS), close: () => redis.close({ drainWithinMs: 0 }) }
}
