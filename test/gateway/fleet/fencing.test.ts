// Which fence a Redis allows, and that all processes of a bot have the same one.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { placeOf } from "../../../src/brokers/redis/address.ts"
import { systemClock } from "../../../src/flow/clock.ts"
import { chooseFencing, endWrites, permitKey, whyNoneMayBeEnded } from "../../../src/gateway/fleet/fencing.ts"
import { ledgerKeys } from "../../../src/gateway/fleet/redis-ledger.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"

let server: RedisServer
const clients: Redis[] = []
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(async () => {
  for (const client of clients) client.disconnect()
  await server.stop()
})

function connect(user = ""): Redis {
  const url = user === "" ? server.url : server.url.replace("redis://", `redis://${user}:pass@`)
  const client = new Redis(url, { protocol: 2, retryStrategy: () => null })
  clients.push(client)
  return client
}

async function userWithout(name: string, ...commands: readonly string[]): Promise<Redis> {
  const taken = commands.map((command) => `-${command}`)
  await server.command("ACL", "SETUSER", name, "on", ">pass", "~*", "&*", "+@all", ...taken)
  return connect(name)
}

const place = ({ url }: RedisServer) => placeOf({ urls: [url] })
const choose = (commands: Redis, prefix: string, isPublishing = true) =>
  chooseFencing({
    commands,
    prefix,
    node: "a",
    keys: ledgerKeys(prefix),
    place: place(server),
    clock: systemClock,
    isPublishing,
  })

test("connections are ended where the user may end some", async () => {
  expect(await choose(connect(), "able")).toBe("name")
})

test("#36 a user who may not list or end connections writes by permits", async () => {
  for (const command of ["client|kill", "client|list", "client"]) {
    expect(await choose(await userWithout("weak", command), `weak ${command}`)).toBe("permit")
  }
})

test("#36 a server that has no CLIENT any more is told from one that does not answer", async () => {
  const renamed = await startRedisServer({ settings: ["--rename-command", "CLIENT", ""] })
  const client = new Redis(renamed.url, { protocol: 2, retryStrategy: () => null, disableClientInfo: true })
  expect(await whyNoneMayBeEnded({ commands: client, place: place(renamed), clock: systemClock })).toContain(
    "unknown command",
  )
  client.disconnect()
  await renamed.stop()
})

test("whoever may end connections writes by permits too, where another one of the bot's may not", async () => {
  const weak = await userWithout("weak", "client|kill")
  const { nodes } = ledgerKeys("mixed")
  expect(await choose(weak, "mixed")).toBe("permit")
  await connect().hset(nodes, "a", "1|0|1|1|0|0")
  expect(await choose(connect(), "mixed")).toBe("permit")
  // Nobody is left who needs it.
  await connect().del(nodes)
  expect(await choose(connect(), "mixed")).toBe("name")
})

test("#36 who could not fence the others does not join them, and is told why", async () => {
  expect(await choose(connect(), "strong")).toBe("name")
  await connect().hset(ledgerKeys("strong").nodes, "a", "1|0|1|1|0|0")
  const failure = await choose(await userWithout("weak", "client|kill"), "strong").catch(String)
  expect(failure).toMatch(/Cannot share shards through Redis: .*KILL.*NOPERM.*the bot's other gateways rely on it/)
})

test("#36 a user who may do neither is told at the start what to allow", async () => {
  const weak = await userWithout("weaker", "client|kill", "watch")
  expect(await choose(weak, "neither").catch(String)).toMatch(
    /it answers WATCH with "NOPERM.*SADD, SREM, SISMEMBER, WATCH/,
  )
  const blind = await userWithout("blind", "client|kill", "scan")
  expect(await choose(blind, "blind").catch(String)).toMatch(/it answers SCAN with "NOPERM.*let the user run SCAN/)
  // Nothing on that Redis is fenced where events go elsewhere.
  expect(await choose(weak, "neither", false)).toBe("permit")
})

test("#34 permits are taken away whatever the fence is", async () => {
  const client = connect()
  for (const fencing of ["name", "permit"] as const) {
    await client.sadd(permitKey("bot", "b"), "1")
    await client.sadd(permitKey("bot", "bb"), "1")
    await endWrites(client, fencing, "bot", "b")
    expect(await client.exists(permitKey("bot", "b"), permitKey("bot", "bb"))).toBe(1)
  }
})
