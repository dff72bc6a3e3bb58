// What single servers say of themselves, and what is said of those that do not.

import { afterEach, expect, test } from "bun:test"
import { isCluster, type ModeOptions } from "../../../src/brokers/redis/mode.ts"
import { systemClock } from "../../../src/flow/clock.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { freePort } from "../../fixtures/free-port.ts"
import { MASTER, type RedisSentinels, startRedisSentinels } from "../../fixtures/redis-sentinel.ts"
import { type RedisServerOptions, startRedisServer } from "../../fixtures/redis-server.ts"

const running: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
})

const ask = (url: string, options: Partial<ModeOptions> = {}) =>
  isCluster(
    { urls: [url] },
    { clock: systemClock, log: silentLogger, random: Math.random, signal: new AbortController().signal, ...options },
  )

async function start(options: RedisServerOptions): Promise<string> {
  const server = await startRedisServer(options)
  running.push(server)
  return server.url
}

test("one server of a cluster is a cluster, one alone is not", async () => {
  expect(await ask(await start({ cluster: true }))).toBe(true)
  expect(await ask(await start({}))).toBe(false)
})

test("several URLs are a cluster, and sentinels are none, without a question", async () => {
  expect(await ask("redis+sentinel://nowhere/events")).toBe(false)
  const options = { clock: systemClock, log: silentLogger, random: Math.random, signal: new AbortController().signal }
  expect(await isCluster({ urls: ["redis://nowhere", "redis://elsewhere"] }, options)).toBe(true)
})

test("#36 a server that does not let us in is one sentence, whatever it is needed for", async () => {
  const url = await start({ password: "secret" })
  expect(await ask(url)).toBe(false)
  const place = url.replace(":secret@", "")
  await expect(ask(url.replace(":secret", ":wrong"))).rejects.toThrow(
    `Cannot log in to Redis at ${place}: it answers "WRONGPASS invalid username-password pair or user is disabled.". Correct the user or password in redis.url.`,
  )
  await expect(ask(place)).rejects.toThrow(
    `Cannot log in to Redis at ${place}: it answers "NOAUTH Authentication required.". Correct the user or password in redis.url.`,
  )
})

test("a server that still loads its data answers", async () => {
  const server = await startRedisServer({
    ...{ appendOnly: true, settings: ["--key-load-delay", "5000", "--appendfsync", "no"] },
  })
  running.push(server)
  for (let key = 0; key < 200; key += 1) await server.command("SET", `key ${key}`, "value")
  await server.down()
  await server.up({ ready: false })
  expect(await ask(server.url)).toBe(false)
})

test("#36 a sentinel is named as one, with how to write it", async () => {
  const master = await startRedisServer()
  const replica = await startRedisServer({ replicaOf: master })
  const sentinels: RedisSentinels = await startRedisSentinels(master)
  running.push(sentinels, replica, master)
  const [host = ""] = sentinels.hosts.split(",")
  await expect(ask(`redis://${host}`)).rejects.toThrow(
    `Cannot use Redis at redis://${host}: it is a sentinel; write redis+sentinel://${host}/mymaster, with the master's name.`,
  )
  expect(await ask(`redis+sentinel://${sentinels.hosts}/${MASTER}`)).toBe(false)
}, 120_000)

test("#36 a server that nobody started is named, once it has been waited for", async () => {
  const clock = new FakeClock()
  const asked = ask(`redis://127.0.0.1:${await freePort()}`, { clock })
  clock.advance(15_000)
  await expect(asked).rejects.toThrow(/^Cannot reach Redis at redis:\/\/127\.0\.0\.1:\d+ within 15 s .*redis\.url\.$/)
})

test("a stop ends the wait", async () => {
  const stop = new AbortController()
  const asked = ask(`redis://127.0.0.1:${await freePort()}`, { signal: stop.signal })
  stop.abort()
  expect(await asked).toBe(false)
})
