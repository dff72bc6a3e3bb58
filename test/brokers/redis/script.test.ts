// Lua by its digest, on a server that does not know it yet, and for a user who may run EVAL alone.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { Script } from "../../../src/brokers/redis/script.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"

const TEXT = "return redis.call('SET', KEYS[1], ARGV[1])"

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

const calls = async (name: string) =>
  Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(await server.command("INFO", "commandstats"))?.[1] ?? 0)

test("a script's text is sent once, and again when the server has forgotten it", async () => {
  const client = new Redis(server.url, { protocol: 2 })
  const script = new Script(TEXT)
  for (const value of ["a", "b", "c"]) expect(await script.run(client, ["key"], [value])).toBe("OK")
  expect([await client.get("key"), await calls("eval"), await calls("evalsha")]).toEqual(["c", 1, 3])
  await server.command("SCRIPT", "FLUSH")
  expect(await script.run(client, ["key"], ["d"])).toBe("OK")
  expect(await calls("eval")).toBe(2)
  client.disconnect()
})

test("a user who may run EVAL and not EVALSHA runs scripts all the same", async () => {
  await server.command("ACL", "SETUSER", "plain", "on", ">secret", "~*", "+@all", "-evalsha")
  const client = new Redis(server.url, { protocol: 2, username: "plain", password: "secret" })
  const script = new Script(TEXT)
  for (const value of ["e", "f"]) expect(await script.run(client, ["key"], [value])).toBe("OK")
  expect(await client.get("key")).toBe("f")
  client.disconnect()
})

test("what the script itself gets wrong is thrown", async () => {
  const client = new Redis(server.url, { protocol: 2 })
  const script = new Script("return redis.error_reply('ERR no such thing')")
  expect(String(await script.run(client, [], []).catch(String))).toContain("no such thing")
  client.disconnect()
})
