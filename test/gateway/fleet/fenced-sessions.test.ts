// Sessions that only a lease's holder can replace, in a real Redis: as a session store, and against a late writer.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { fencedSessions, SessionFencedError } from "../../../src/gateway/fleet/fenced-sessions.ts"
import { ledgerKeys } from "../../../src/gateway/fleet/redis-ledger.ts"
import type { Session } from "../../../src/gateway/sessions/session.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await startRedisServer()
  redis = new Redis(server.url, { protocol: 2 })
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

const session = (sequence: number): Session => ({
  ...{ shard: 0, shardCount: 4, sessionId: "one", resumeUrl: null, sequence, resumeFailures: 0 },
})
const unreadable: string[] = []

/** What node "a" has of shard 0 under a token. */
function under(prefix: string, token: number) {
  const onUnreadable = (key: string, reason: string) => unreadable.push(`${key}: ${reason}`)
  return fencedSessions({ commands: redis, prefix, node: "a|b", onUnreadable })({ slot: 0, shard: 0, count: 4 }, token)
}

async function leased(prefix: string, token: number, owner: string): Promise<void> {
  await redis.hset(ledgerKeys(prefix).leases, "0", `${token}|1000|0|${owner}`)
}

test("the holder stores, loads and forgets its session", async () => {
  await leased("one", 7, "a|b")
  const store = under("one", 7)
  expect(await store.load(0)).toBeNull()
  await store.save([session(5)])
  await store.save([session(6)])
  expect(await store.load(0)).toEqual(session(6))
  await store.drop(0)
  expect(await store.load(0)).toBeNull()
})

test("#34 what comes late, of an earlier holder or under an earlier token, is refused and changes nothing", async () => {
  await leased("two", 7, "a|b")
  await under("two", 7).save([session(5)])
  for (const [token, owner] of [
    [8, "c"],
    [8, "a|b"],
    [7, ""],
  ] as const) {
    await leased("two", token, owner)
    const late = under("two", 7)
    expect(await late.save([session(9)]).catch((error: unknown) => error)).toBeInstanceOf(SessionFencedError)
    expect(await late.drop(0).catch((error: unknown) => error)).toBeInstanceOf(SessionFencedError)
    expect(await late.load(0)).toEqual(session(5))
  }
})

test("the session of a gateway whose shards were fixed is the one that the fleet resumes", async () => {
  await redis.set("three:0", JSON.stringify(session(41)))
  expect(await under("three", 1).load(0)).toEqual(session(41))
})

test("a key that holds no session is told, and counts as none", async () => {
  await redis.set("four:0", "nothing of ours")
  expect(await under("four", 1).load(0)).toBeNull()
  expect(unreadable.pop()).toBe("four:0: it holds no session")
})
