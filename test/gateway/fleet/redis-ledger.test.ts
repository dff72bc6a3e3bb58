// What a Redis must allow, and how a node's connections are ended.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { connectionName } from "../../../src/gateway/fleet/fencing.ts"
import { redisLedger } from "../../../src/gateway/fleet/redis-ledger.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

const connect = (url = server.url) => new Redis(url, { protocol: 2, retryStrategy: () => null })

test("#34 fencing ends every connection of that node, and no other one", async () => {
  const commands = connect()
  const ledger = redisLedger({ commands, subscriber: connect(), prefix: "my bot", node: "a" })
  const named = async (node: string) => {
    const connection = connect()
    await connection.client("SETNAME", connectionName("my bot", node))
    return connection
  }
  const [first, second, other, longer] = [await named("b"), await named("b"), await named("c"), await named("bb")]
  const ended = Promise.all([first, second].map((one) => new Promise((resolve) => one.once("end", resolve))))
  await ledger.fence("b")
  await ended
  expect(await Promise.all([other.ping(), longer.ping()])).toEqual(["PONG", "PONG"])
  await ledger.fence("nobody")
  for (const one of [other, longer]) one.disconnect()
  await ledger.close()
})

test("#34 an answer counts only once as many replicas have it as were asked for: an old master has none", async () => {
  const replica = await startRedisServer({ replicaOf: server })
  while (!(await server.command("INFO", "replication")).includes("state=online")) await Bun.sleep(10)
  const ledger = redisLedger({
    commands: connect(),
    subscriber: connect(),
    prefix: "replicated",
    node: "a",
    replicas: 1,
  })
  const beat = {
    node: { id: "a", weight: 1, capacity: 1, isDraining: false, isBusy: false, invites: [] },
    ...{ set: firstSet(1), leaseMs: 10_000, held: [], claims: [], handOvers: [], fenced: [], isLeaving: false },
  }
  // On a busy machine the replica may be slower than the server waits for it.
  const answered = async () => (await ledger.exchange(beat).catch(() => null))?.type
  while ((await answered()) !== "member") await Bun.sleep(10)
  await replica.stop()
  expect(String(await ledger.exchange(beat).catch(String))).toContain(
    "0 replicas have the leases, and redis.replicas is 1",
  )
  await ledger.close()
})
