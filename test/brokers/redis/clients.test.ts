// Clients of a Redis that is gone without a word: connections stay open and nothing comes any more.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { placeOf } from "../../../src/brokers/redis/address.ts"
import { newClient, newListener } from "../../../src/brokers/redis/clients.ts"
import { systemClock } from "../../../src/flow/clock.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"
import { startTcpSwitch, type TcpSwitch } from "../../fixtures/tcp-switch.ts"

const SILENT_MS = 200

let server: RedisServer
let link: TcpSwitch
beforeAll(async () => {
  server = await startRedisServer()
  link = await startTcpSwitch(server.port)
})
afterAll(async () => {
  link.stop()
  await server.stop()
})

const options = () => ({
  place: placeOf({ urls: [`redis://127.0.0.1:${link.port}`] }),
  log: silentLogger,
  random: Math.random,
})

test("#5 a command that a silent connection took is sent again on another one", async () => {
  const client = newClient(options(), "a test", SILENT_MS)
  await client.set("key", "value")
  link.silence()
  expect(await client.get("key")).toBe("value")
  client.disconnect()
})

test("#5 a connection that only listens is made anew when it has gone silent, and hears again", async () => {
  const listening = { askEveryMs: SILENT_MS, silentMs: SILENT_MS }
  const listener = newListener({ ...options(), clock: systemClock, listening }, "a test")
  await listener.subscribe("news")
  link.silence()
  const heard = new Promise<string>((resolve) => listener.on("message", (_channel, text: string) => resolve(text)))
  const isOver = heard.then(() => true)
  while (!(await Promise.race([isOver, Bun.sleep(20)]))) await server.command("PUBLISH", "news", "there")
  expect(await heard).toBe("there")
  listener.disconnect()
})

test("#5 a listener that has heard of nothing but its own questions stays connected", async () => {
  const listening = { askEveryMs: 20, silentMs: 60_000 }
  const listener = newListener({ ...options(), clock: systemClock, listening }, "a test")
  await listener.subscribe("news")
  let closed = 0
  listener.on("close", () => {
    closed += 1
  })
  const pings = async () =>
    Number(/cmdstat_ping:calls=(\d+)/.exec(await server.command("INFO", "commandstats"))?.[1] ?? 0)
  const before = await pings()
  while ((await pings()) < before + 3) await Bun.sleep(20)
  expect(closed).toBe(0)
  listener.disconnect()
})
