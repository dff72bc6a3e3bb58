// The proxy's own command over a real RabbitMQ: one reply for every request, whatever it is and whatever goes wrong.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { type Channel, type ChannelModel, connect } from "amqplib"
import { pack, unpack } from "msgpackr"
import { freePort } from "../fixtures/free-port.ts"
import { answering, type ProxyProcess, startProxyProcess } from "../fixtures/proxy-process.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../fixtures/rabbitmq-server.ts"
import { until } from "../fixtures/running-gateway.ts"
import { startTcpSwitch } from "../fixtures/tcp-switch.ts"

const TIMEOUT_MS = 120_000
const QUEUE = "proxy:REQUEST"

interface Reply {
  readonly status: number
  readonly body: unknown
}

let server: RabbitmqServer
let connection: ChannelModel
let channel: Channel
let replyTo: string
/** By correlation id, in the order of arrival. */
let replies: Map<string, Reply[]>
const running: { stop(): unknown }[] = []

beforeAll(async () => {
  server = await startRabbitmqServer()
  connection = await connect(server.url)
  channel = await connection.createChannel()
  replyTo = (await channel.assertQueue("", { exclusive: true })).queue
  const onReply = (message: Parameters<Parameters<Channel["consume"]>[1]>[0]) => {
    const id = String(message?.properties.correlationId)
    replies.set(id, [...(replies.get(id) ?? []), unpack(message?.content ?? Buffer.of(0xc0))])
  }
  await channel.consume(replyTo, onReply, { noAck: true })
}, TIMEOUT_MS)
afterAll(async () => {
  await connection.close()
  await server.stop()
})
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
  await channel.purgeQueue(QUEUE)
})

/** A Discord that answers as it is told. */
function discord(handler: (request: Request) => Response | Promise<Response>): string {
  const upstream = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: handler })
  running.push({ stop: () => upstream.stop(true) })
  return `127.0.0.1:${upstream.port}`
}

/** Resolves once the proxy consumes. */
async function proxy(host: string, settings: Readonly<Record<string, string>> = {}): Promise<ProxyProcess> {
  replies = new Map()
  const port = await freePort()
  const started = await startProxyProcess({
    PROXY_ADDRESS: `127.0.0.1:${port}`,
    DISCORD_API_HOST: host,
    AMQP_URL: server.url,
    ...settings,
  })
  running.push(started)
  await answering(`http://127.0.0.1:${port}/`)
  await channel.assertQueue(QUEUE)
  await untilQueue(({ consumerCount }) => consumerCount > 0)
  return started
}

async function untilQueue(
  holds: (queue: { readonly messageCount: number; readonly consumerCount: number }) => boolean,
): Promise<void> {
  while (!holds(await channel.checkQueue(QUEUE))) await Bun.sleep(10)
}

/** Until so many requests wait in the proxy: RabbitMQ has handed them over before the proxy has read them. */
async function untilWaiting(limitsUrl: string, count: number): Promise<void> {
  for (;;) {
    const { waiting } = (await (await fetch(limitsUrl)).json()) as { readonly waiting: readonly unknown[] }
    if (waiting.length === count) return
    await Bun.sleep(10)
  }
}

let requests = 0

function send(body: unknown, properties: object = {}): string {
  requests += 1
  const id = `request ${requests}`
  const content = Buffer.isBuffer(body) ? body : pack(body)
  channel.publish("proxy", "REQUEST", content, { replyTo, correlationId: id, ...properties })
  return id
}

async function answerOf(id: string): Promise<Reply> {
  await until(() => replies.has(id))
  return replies.get(id)?.[0] ?? { status: -1, body: null }
}

async function unacknowledged(): Promise<number> {
  const listed = await server.ctl("list_queues", "name", "messages_unacknowledged", "messages_ready")
  const [, unsettled, ready] =
    listed
      .split("\n")
      .find((line) => line.startsWith(QUEUE))
      ?.split("\t") ?? []
  return Number(unsettled) + Number(ready)
}

describe("the proxy over RabbitMQ", () => {
  test(
    "passes a request on, and answers with status, headers, url and body",
    async () => {
      const host = discord(async (request) => {
        const { method, headers } = request
        const said = { method, token: headers.get("authorization"), body: await request.text() }
        return Response.json(said, { status: 201, headers: { "X-A": "1" } })
      })
      await proxy(host)
      const headers = { Authorization: "Bot abc" }
      const id = send({
        method: "POST",
        path: "/channels/1/messages",
        query: { a: "1" },
        headers,
        body: Buffer.from("hi"),
      })
      const { status, body } = (await answerOf(id)) as { status: number; body: { body: Buffer } }
      expect(status).toBe(0)
      expect(body).toMatchObject({
        status: 201,
        headers: { "x-a": "1" },
        url: `http://${host}/api/v10/channels/1/messages?a=1`,
      })
      expect(JSON.parse(body.body.toString())).toEqual({ method: "POST", token: "Bot abc", body: "hi" })
    },
    TIMEOUT_MS,
  )

  test(
    "says with the status, and a sentence, what is wrong with a request",
    async () => {
      await proxy("127.0.0.1:1")
      const wrong: readonly (readonly [number, unknown])[] = [
        [2, Buffer.from([0x81, 0xa1])],
        [2, "text"],
        [2, { method: "PUT", path: "/x", body: 5 }],
        [2, { method: "GET", path: "/x", timeout: "soon" }],
        [3, { method: "GET", path: "/../x" }],
        [3, ["GET", "no slash"]],
        [4, { method: "GET", path: "/x", query: ["a"] }],
        [4, ["GET", "/x", { limit: 5 }]],
        [5, { method: "BREW", path: "/x" }],
        [5, {}],
        [6, { method: "GET", path: "/x", headers: { a: "b\r\nc: d" } }],
        [6, { method: "GET", path: "/x", headers: { "x-spectacles-priority": "urgent" } }],
        // Nobody listens there.
        [7, { method: "GET", path: "/x", headers: { "x-spectacles-timeout": "100" } }],
        [8, { method: "GET", path: "/x", timeout: { secs: 0, nanos: 0 } }],
        [8, ["GET", "/x", null, null, null, [0, 0]]],
      ]
      for (const [status, body] of wrong) {
        expect(await answerOf(send(body))).toEqual({ status, body: expect.stringMatching(/^[A-Z].*\.$/) })
      }
    },
    TIMEOUT_MS,
  )

  test(
    "answers each of a thousand requests once, one in three malformed, and keeps none of them",
    async () => {
      await proxy(discord(() => new Response("ok")))
      const ids = Array.from({ length: 1_000 }, (_, index) =>
        index % 3 === 0
          ? send(Buffer.from([0xc1, index & 0xff]))
          : send({ method: "GET", path: `/channels/${index}`, headers: { authorization: `Bot ${index}` } }),
      )
      await until(() => replies.size === ids.length)
      while ((await unacknowledged()) > 0) await Bun.sleep(10)
      expect([...replies.values()].filter((all) => all.length !== 1)).toEqual([])
      expect(ids.map((id) => replies.get(id)?.[0]?.status)).toEqual(ids.map((_, index) => (index % 3 === 0 ? 2 : 0)))
    },
    TIMEOUT_MS,
  )

  test(
    "lets no request wait longer than its timeout, its message's expiration or TIMEOUT",
    async () => {
      await proxy(
        discord(() => new Promise(() => {})),
        { TIMEOUT: "300ms" },
      )
      const ids = [
        send({ method: "GET", path: "/channels/1", timeout: { secs: 0, nanos: 50_000_000 } }),
        send({ method: "GET", path: "/channels/2" }),
        send({ method: "GET", path: "/channels/3", timeout: { secs: 600, nanos: 0 } }, { expiration: "60" }),
      ]
      for (const id of ids) expect(await answerOf(id)).toMatchObject({ status: 8 })
    },
    TIMEOUT_MS,
  )

  test(
    "acknowledges a request after its reply",
    async () => {
      const arrived = Promise.withResolvers<void>()
      const answer = Promise.withResolvers<void>()
      const host = discord(async () => {
        arrived.resolve()
        await answer.promise
        return new Response("ok")
      })
      await proxy(host)
      const id = send({ method: "GET", path: "/gateway" })
      await arrived.promise
      expect(await unacknowledged()).toBe(1)
      answer.resolve()
      expect(await answerOf(id)).toMatchObject({ status: 0 })
      while ((await unacknowledged()) > 0) await Bun.sleep(10)
    },
    TIMEOUT_MS,
  )

  test(
    "repeats what a killed proxy held where that is safe, and answers the rest with status 7",
    async () => {
      const seen: string[] = []
      const host = discord(({ method }) => {
        seen.push(method)
        return seen.length <= 2 ? new Promise(() => {}) : new Response("ok")
      })
      const first = await proxy(host)
      const [get, post] = ["GET", "POST"].map((method) => send({ method, path: "/channels/1" }))
      await until(() => seen.length === 2)
      first.signal("SIGKILL")
      await first.exited
      await proxy(host)
      expect(await answerOf(get ?? "")).toMatchObject({ status: 0 })
      expect(await answerOf(post ?? "")).toMatchObject({ status: 7, body: expect.stringContaining("not sent twice") })
      expect(seen.toSorted()).toEqual(["GET", "GET", "POST"])
    },
    TIMEOUT_MS,
  )

  test(
    "sends and answers a request once though its connection is cut meanwhile",
    async () => {
      const seen: string[] = []
      const answer = Promise.withResolvers<void>()
      const host = discord(async ({ method }) => {
        seen.push(method)
        await answer.promise
        return new Response("ok")
      })
      const way = await startTcpSwitch(server.port)
      running.push(way)
      await proxy(host, { AMQP_URL: `amqp://127.0.0.1:${way.port}` })
      const ids = ["GET", "POST"].map((method) => send({ method, path: "/channels/1" }))
      await until(() => seen.length === 2)
      way.cut()
      await untilQueue(({ consumerCount }) => consumerCount === 0)
      await untilQueue(({ consumerCount, messageCount }) => consumerCount > 0 && messageCount === 0)
      answer.resolve()
      for (const id of ids) expect(await answerOf(id)).toMatchObject({ status: 0 })
      while ((await unacknowledged()) > 0) await Bun.sleep(10)
      expect(seen.toSorted()).toEqual(["GET", "POST"])
      expect([...replies.values()].map((all) => all.length)).toEqual([1, 1])
    },
    TIMEOUT_MS,
  )

  test(
    "says honestly what it could not finish when it is stopped, and leaves the rest to another proxy",
    async () => {
      const seen: string[] = []
      const host = discord(({ method }) => {
        seen.push(method)
        const headers = { "x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "600" }
        return new Response("ok", { headers: { ...headers, "x-ratelimit-bucket": method } })
      })
      const metricsPort = await freePort()
      const metrics = { METRICS_ADDR: `127.0.0.1:${metricsPort}` }
      const first = await proxy(host, { SHUTDOWN_TIMEOUT: "500ms", ...metrics })
      // The first of each uses up its limit.
      const used = ["GET", "POST"].map((method) => send({ method, path: "/channels/1/messages" }))
      for (const id of used) await answerOf(id)
      const [get, post] = ["GET", "POST"].map((method) => send({ method, path: "/channels/1/messages" }))
      await untilWaiting(`http://127.0.0.1:${metricsPort}/limits`, 2)
      first.signal("SIGTERM")
      expect(await first.exited).toBe(0)
      expect(await answerOf(post ?? "")).toMatchObject({ status: 7, body: expect.stringContaining("shutting down") })
      expect(replies.has(get ?? "")).toBe(false)
      const before = replies
      await proxy(host)
      expect(await answerOf(get ?? "")).toMatchObject({ status: 0 })
      expect(before.size).toBe(3)
      expect(seen.toSorted()).toEqual(["GET", "GET", "POST"])
    },
    TIMEOUT_MS,
  )
})
