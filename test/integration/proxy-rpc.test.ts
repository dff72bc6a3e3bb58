import { afterEach, describe, expect, test } from "bun:test"
import { Redis as SpectaclesRedis } from "@spectacles/brokers"
import { Redis } from "ioredis"
import { pack, unpack } from "msgpackr"
import type { Broker, Delivery } from "../../src/brokers/broker.ts"
import { memoryBroker } from "../../src/brokers/memory/broker.ts"
import { MemoryHub } from "../../src/brokers/memory/hub.ts"
import { type RedisBrokerOptions, redisBroker } from "../../src/brokers/redis/broker.ts"
import { silentLogger } from "../../src/ops/log.ts"
import { startRedisServer } from "../fixtures/redis-server.ts"
import { type RunningProxy, startProxy } from "../fixtures/running-proxy.ts"

const running: { stop(): unknown }[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

const TIMEOUT = { timeoutMs: 50_000 }

/** A Discord that says what it was sent. */
function discord(handler?: (request: Request) => Response | Promise<Response>): string {
  const echo = async (request: Request) => {
    const { method, url, headers } = request
    const said = {
      method,
      path: url.slice(url.indexOf("/api")),
      token: headers.get("authorization"),
      body: await request.text(),
    }
    return Response.json(said, { status: 201, headers: { "X-A": "1" } })
  }
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: handler ?? echo })
  running.push({ stop: () => server.stop(true) })
  return `127.0.0.1:${server.port}`
}

async function overMemory(
  host: string,
): Promise<{ readonly caller: Broker; readonly proxy: RunningProxy; readonly hub: MemoryHub }> {
  const hub = new MemoryHub()
  // The URL makes it listen to the event; the broker is the one given.
  const proxy = await startProxy(host, { REDIS_URL: "unused" }, memoryBroker({ hub, group: "proxy" }))
  running.push(proxy)
  return { caller: memoryBroker({ hub, group: "bot" }), proxy, hub }
}

describe("requests over the broker", () => {
  test("are passed on, and answered with status, headers, url and body", async () => {
    const host = discord()
    const { caller } = await overMemory(host)
    const reply = (await caller.call(
      "REQUEST",
      {
        method: "POST",
        path: "/channels/1/messages",
        query: { a: "1" },
        headers: { Authorization: "Bot abc" },
        body: Buffer.from("hi"),
      },
      TIMEOUT,
    )) as { status: number; body: { status: number; headers: Record<string, string>; url: string; body: Uint8Array } }
    expect(reply.status).toBe(0)
    expect(reply.body.status).toBe(201)
    expect(reply.body.headers["x-a"]).toBe("1")
    expect(reply.body.url).toBe(`http://${host}/api/v10/channels/1/messages?a=1`)
    expect(reply.body.body).toBeInstanceOf(Uint8Array)
    expect(JSON.parse(Buffer.from(reply.body.body).toString())).toEqual({
      method: "POST",
      path: "/api/v10/channels/1/messages?a=1",
      token: "Bot abc",
      body: "hi",
    })
  })

  test.each([
    ["malformed MessagePack", 2, Buffer.from([0x81, 0xa1])],
    ["a value of the wrong type", 2, pack(5)],
    ["a path that climbs", 3, pack({ method: "GET", path: "/../x" })],
    ["a method that is none", 5, pack({ method: "BREW", path: "/x" })],
  ])("that are %s get exactly one reply, with status %i", async (_what, status, body) => {
    const { proxy, hub } = await overMemory(discord())
    const replies: Uint8Array[] = []
    const first = Promise.withResolvers<void>()
    hub.append({
      event: "REQUEST",
      id: "",
      body,
      reply: (bytes) => {
        replies.push(bytes)
        first.resolve()
      },
    })
    await first.promise
    await proxy.stop()
    expect(replies).toHaveLength(1)
    expect(unpack(replies[0] ?? Buffer.of(0xc0))).toMatchObject({ status, body: expect.stringContaining("Cannot") })
  })

  test("that cannot make their deadline get status 8, and those that fail status 7", async () => {
    const { caller } = await overMemory(discord(() => new Promise(() => {})))
    const late = await caller.call(
      "REQUEST",
      { method: "GET", path: "/gateway", timeout: { secs: 0, nanos: 50_000_000 } },
      TIMEOUT,
    )
    expect(late).toMatchObject({ status: 8 })
    const { caller: other } = await overMemory("127.0.0.1:1")
    const failed = await other.call(
      "REQUEST",
      { method: "GET", path: "/gateway", headers: { "x-spectacles-timeout": "100" } },
      TIMEOUT,
    )
    expect(failed).toMatchObject({ status: 7, body: expect.stringContaining("could not be reached") })
  })

  test("that were taken over from a dead proxy are sent again only when that is safe", async () => {
    const seen: string[] = []
    const host = discord(({ method }) => {
      seen.push(method)
      return new Response("ok")
    })
    const replies: unknown[] = []
    const acked = Promise.withResolvers<void>()
    const delivery = (method: string): Delivery => ({
      event: "REQUEST",
      isRepeated: true,
      data: () => ({ method, path: "/channels/1" }),
      ack: async () => {
        if (replies.length === 2) acked.resolve()
      },
      nack: async () => {},
      reply: async (data) => void replies.push(data),
    })
    const idle = memoryBroker({ hub: new MemoryHub(), group: "proxy" })
    const broker: Broker = Object.create(idle, {
      ended: { value: new Promise(() => {}) },
      close: { value: async () => {} },
      consume: {
        value: async function* (_events: unknown, signal: AbortSignal) {
          yield delivery("POST")
          yield delivery("PUT")
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
        },
      },
    })
    running.push(await startProxy(host, { REDIS_URL: "unused" }, broker))
    await acked.promise
    expect(seen).toEqual(["PUT"])
    expect(replies).toContainEqual({ status: 7, body: expect.stringContaining("not sent twice") })
  })
})

describe("over a real Redis", () => {
  test("@spectacles/brokers as published calls REQUEST and is answered, each of a hundred times", async () => {
    const server = await startRedisServer()
    running.push(server)
    const broker = overRedis(server.url)
    const proxy = await startProxy(discord(), { REDIS_URL: server.url }, broker)
    running.push(proxy)
    const redis = new Redis(server.url)
    const caller = new SpectaclesRedis("bot", redis)
    running.push({ stop: () => redis.disconnect() })
    const calls = Array.from({ length: 100 }, (_, index) =>
      caller.call(
        "REQUEST",
        { method: "GET", path: `/channels/${index}`, headers: { authorization: `Bot ${index}` } },
        { timeout: 50_000 },
      ),
    )
    const replies = (await Promise.all(calls)) as { status: number; body: { status: number } }[]
    expect(replies.map(({ status }) => status)).toEqual(Array(100).fill(0))
    const subscriber = redis.duplicate()
    running.push({ stop: () => subscriber.disconnect() })
    const reply = Promise.withResolvers<Buffer>()
    await subscriber.psubscribe("REQUEST:*")
    subscriber.on("pmessageBuffer", (_pattern, _channel, message) => reply.resolve(message))
    await redis.xadd("REQUEST", "*", "data", pack({ method: "GET", path: "/gateway" }), "timeout_at", "1000000")
    expect(unpack(await reply.promise)).toMatchObject({ status: 8 })
    while ((await redis.xpending("REQUEST", "proxy"))[0] !== 0) await Bun.sleep(5)
    caller.disconnect()
  })

  test("what a dead proxy held is repeated where that is safe, and the rest answered with status 7", async () => {
    const server = await startRedisServer()
    running.push(server)
    const redis = new Redis(server.url)
    running.push({ stop: () => redis.disconnect() })
    const replies = await repliesOf(redis)
    const ids: string[] = []
    for (const method of ["GET", "POST"]) {
      ids.push((await redis.xadd("REQUEST", "*", "data", pack({ method, path: "/channels/1" }))) ?? "")
    }
    await redis.xgroup("CREATE", "REQUEST", "proxy", "0")
    await redis.call("XREADGROUP", ["GROUP", "proxy", "dead", "STREAMS", "REQUEST", ">"])
    const seen: string[] = []
    const host = discord(({ method }) => {
      seen.push(method)
      return new Response("ok")
    })
    running.push(await startProxy(host, { REDIS_URL: server.url }, overRedis(server.url, { claimAfterMs: 1 })))
    while (replies.length < 2) await Bun.sleep(5)
    expect(replies).toContainEqual([`REQUEST:${ids[0]}`, expect.objectContaining({ status: 0 })])
    expect(replies).toContainEqual([
      `REQUEST:${ids[1]}`,
      { status: 7, body: expect.stringContaining("not sent twice") },
    ])
    expect(seen).toEqual(["GET"])
    while ((await redis.xpending("REQUEST", "proxy"))[0] !== 0) await Bun.sleep(5)
  })

  test("every request of a thousand gets one reply, one in three malformed, and none stays", async () => {
    const server = await startRedisServer()
    running.push(server)
    const redis = new Redis(server.url)
    running.push({ stop: () => redis.disconnect() })
    const replies = await repliesOf(redis)
    running.push(await startProxy(discord(), { REDIS_URL: server.url }, overRedis(server.url)))
    const ids = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => {
        const headers = { authorization: `Bot ${index}` }
        const request = { method: "GET", path: `/channels/${index}`, headers }
        return redis.xadd("REQUEST", "*", "data", index % 3 === 0 ? Buffer.of(0xc1, index & 0xff) : pack(request))
      }),
    )
    while (replies.length < ids.length) await Bun.sleep(5)
    while ((await redis.xpending("REQUEST", "proxy"))[0] !== 0) await Bun.sleep(5)
    const statuses = new Map(replies.map(([channel, reply]) => [channel, reply.status]))
    expect(ids.map((id) => statuses.get(`REQUEST:${id}`))).toEqual(ids.map((_, index) => (index % 3 === 0 ? 2 : 0)))
    expect(replies.length).toBe(ids.length)
  })
})

type Heard = readonly [channel: string, reply: { readonly status: number; readonly body: unknown }]

/** Every reply there is from now on, by its channel. */
async function repliesOf(redis: Redis): Promise<Heard[]> {
  const replies: Heard[] = []
  const subscriber = redis.duplicate()
  running.push({ stop: () => subscriber.disconnect() })
  await subscriber.psubscribe("REQUEST:*")
  subscriber.on("pmessageBuffer", (_pattern, channel: Buffer, message: Buffer) => {
    replies.push([channel.toString(), unpack(message)])
  })
  return replies
}

function overRedis(url: string, options: Partial<RedisBrokerOptions> = {}): Broker {
  const common = { group: "proxy", body: "msgpack", trimming: {}, poolSize: 4, logger: silentLogger } as const
  return redisBroker({ urls: [url], ...common, ...options })
}
