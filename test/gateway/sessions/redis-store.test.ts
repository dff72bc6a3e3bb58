// Sessions in a real Redis: over a connection of their own, in the pipeline of a broker, and in a cluster.

import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { redisBroker } from "../../../src/brokers/redis/broker.ts"
import { redisValues } from "../../../src/brokers/redis/values.ts"
import { redisSessionStore } from "../../../src/gateway/sessions/redis-store.ts"
import type { SessionStore } from "../../../src/gateway/sessions/session.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { OperatorError } from "../../../src/ops/operator-error.ts"
import { sessionStoreContract } from "../../contract/session-store.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { freePort } from "../../fixtures/free-port.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"

let server: RedisServer
const closing: (() => Promise<void>)[] = []
const unreadable: string[] = []

beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(async () => {
  for (const close of closing) await close()
  await server.stop()
})

const onUnreadable = (key: string, reason: string) => unreadable.push(`${key}: ${reason}`)

function alone(prefix: string): SessionStore {
  const values = redisValues({ urls: [server.url], log: silentLogger })
  return redisSessionStore({ values, prefix, onUnreadable })
}

function inPipeline(prefix: string): SessionStore {
  const broker = redisBroker({
    ...{ urls: [server.url], group: "gateway", body: "msgpack", trimming: {}, poolSize: 1, logger: silentLogger },
  })
  closing.push(() => broker.close({ drainWithinMs: 0 }))
  return redisSessionStore({ values: broker.values, prefix, onUnreadable })
}

sessionStoreContract("redis", async () => alone("alone"))
sessionStoreContract("redis in the publishing pipeline", async () => inPipeline("pipeline"))

describe("the redis session store", () => {
  test("keeps a session as JSON under a key that names its shard", async () => {
    const store = inPipeline("prefix")
    const session = { shard: 12, shardCount: 16, sessionId: "abc", resumeUrl: null, sequence: 7, resumeFailures: 0 }
    await store.save([session])
    expect(JSON.parse(await server.command("GET", "prefix:12"))).toEqual(session)
  })

  test.each(["", "nonsense", '{"shard":0}'])("takes %p for no session, and tells it", async (text) => {
    const store = alone("broken")
    await server.command("SET", "broken:0", text)
    expect(await store.load(0)).toBeNull()
    expect(unreadable.pop()).toBe("broken:0: it holds no session")
    await store.close()
  })

  test("takes another shard's session for none", async () => {
    const store = alone("swapped")
    await store.save([{ shard: 1, shardCount: 2, sessionId: "abc", resumeUrl: null, sequence: 7, resumeFailures: 0 }])
    await server.command("RENAME", "swapped:1", "swapped:0")
    expect(await store.load(0)).toBeNull()
    expect(unreadable.pop()).toBe("swapped:0: it is shard 1's")
    await store.close()
  })

  test("#36 says in one sentence that a key holds something else", async () => {
    await server.command("LPUSH", "list:0", "1")
    const store = alone("list")
    const failure = await store.load(0).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(OperatorError)
    expect(String(failure)).toMatch(/Cannot read list:0 from Redis at redis:\/\/127\.0\.0\.1:\d+: WRONGTYPE/)
    await store.close()
  })

  test("#36 says in one sentence that Redis does not answer, once it has waited", async () => {
    const clock = new FakeClock()
    const values = redisValues({ urls: [`redis://127.0.0.1:${await freePort()}`], log: silentLogger, clock })
    const failure = redisSessionStore({ values, prefix: "gateway", onUnreadable })
      .load(0)
      .catch((error: unknown) => error)
    clock.advance(10_000)
    expect(String(await failure)).toMatch(
      /Cannot read gateway:0 from Redis at .*: no answer within 10 s\. Check redis\.url\./,
    )
    await values.close()
  })
})
