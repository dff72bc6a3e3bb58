// What a Redis must allow, and how a node's connections are ended.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { connectionName, permitKey } from "../../../src/gateway/fleet/fencing.ts"
import { redisLedger } from "../../../src/gateway/fleet/redis-ledger.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { PLAIN_NODE, QUIET_BEAT } from "../../fixtures/beats.ts"
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

test("#34 a sweep ends the connections of all nodes but those that are spared, of this bot alone, and says how many", async () => {
  const commands = connect()
  const ledger = redisLedger({ commands, subscriber: connect(), prefix: "my*bot", node: "a" })
  const named = async (name: string, url = server.url) => {
    const connection = connect(url)
    await connection.client("SETNAME", name)
    return connection
  }
  const spared = await named(connectionName("my*bot", "a"))
  const others = [
    await named(connectionName("my", "b")),
    await named(connectionName("mybot", "b")),
    await named("someone-else"),
    // The same prefix in another database is another bot.
    await named(connectionName("my*bot", "b"), `${server.url}/1`),
  ]
  const strays = [await named(connectionName("my*bot", "b")), await named(connectionName("my*bot", "aa"))]
  const ended = Promise.all(strays.map((one) => new Promise((resolve) => one.once("end", resolve))))
  expect(await ledger.sweep(["a"])).toBe(2)
  await ended
  expect(await Promise.all([spared, ...others].map((one) => one.ping()))).toEqual(Array(5).fill("PONG"))
  expect(await ledger.sweep(["a"])).toBe(0)
  for (const one of [spared, ...others]) one.disconnect()
  await ledger.close()
})

test("#34 a sweep takes every permit away but those of the nodes that are spared, however many other keys there are", async () => {
  const commands = connect()
  const ledger = redisLedger({ commands, subscriber: connect(), prefix: "my*bot", node: "a", fencing: "permit" })
  await commands.mset(Object.fromEntries(Array.from({ length: 3_000 }, (_, key) => [`of-others:${key}`, "1"])))
  const kept = [permitKey("my*bot", "a"), permitKey("my bot", "b"), permitKey("mybot", "b")]
  const strays = Array.from({ length: 20 }, (_, node) => permitKey("my*bot", `a${node}`))
  for (const key of [...kept, ...strays]) await commands.sadd(key, "1")
  expect(await ledger.sweep(["a"])).toBe(strays.length)
  expect(await commands.exists(...strays)).toBe(0)
  expect(await commands.exists(...kept)).toBe(kept.length)
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
    ...QUIET_BEAT,
    node: { id: "a", ...PLAIN_NODE },
    ...{ set: firstSet(1), leaseMs: 10_000 },
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
