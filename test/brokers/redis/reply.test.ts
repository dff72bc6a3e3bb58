import { afterAll, beforeAll, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { RedisReplies } from "../../../src/brokers/redis/reply.ts"
import { systemClock } from "../../../src/flow/clock.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"
import { until } from "../../fixtures/running-gateway.ts"

let server: RedisServer
let caller: Redis
let others: Redis
let commands: Redis
let closing: AbortController
let replies: RedisReplies
/** What everybody who subscribes to patterns hears, by channel. */
const heard: string[] = []

beforeAll(async () => {
  server = await startRedisServer()
  caller = new Redis(server.url)
  others = new Redis(server.url)
  await others.psubscribe("ask:*")
  others.on("pmessage", (_pattern, channel) => heard.push(channel))
  closing = new AbortController()
  commands = new Redis(server.url)
  replies = new RedisReplies({ commands, clock: systemClock, closing: closing.signal })
})
afterAll(async () => {
  closing.abort()
  caller.disconnect()
  others.disconnect()
  commands.disconnect()
  await server.stop()
})

test("a caller that subscribes after its reply was published has it, though others have heard it already", async () => {
  const reply = Promise.withResolvers<string>()
  caller.once("message", (_channel, body) => reply.resolve(body))
  const sent = replies.send("ask:late", Buffer.from("hello"), false)
  await until(() => heard.includes("ask:late"))
  await caller.subscribe("ask:late")
  expect(await reply.promise).toBe("hello")
  await caller.unsubscribe("ask:late")
  await sent
})

test("a caller that hears nothing yet is told again, until it leaves", async () => {
  await caller.subscribe("ask:deaf")
  const sent = replies.send("ask:deaf", Buffer.from("hello"), false)
  await until(() => heard.filter((channel) => channel === "ask:deaf").length > 1)
  await caller.unsubscribe("ask:deaf")
  await sent
})

test("a caller that listened before it asked is told once", async () => {
  await replies.send("ask:listening", Buffer.from("hello"), true)
  // What is published later is heard later.
  await replies.send("ask:end", Buffer.from("hello"), true)
  await until(() => heard.includes("ask:end"))
  expect(heard.filter((channel) => channel === "ask:listening")).toHaveLength(1)
})
