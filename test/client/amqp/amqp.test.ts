// The library's broker over a real RabbitMQ: what it has beyond `@spectacles/brokers`.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { type Channel, type ChannelModel, connect } from "amqplib"
import { Amqp, type AmqpOptions, type DeadLetter, decode } from "../../../src/client/brokers.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../../fixtures/rabbitmq-server.ts"

const TIMEOUT_MS = 60_000

let server: RabbitmqServer
let connection: ChannelModel
let raw: Channel
const brokers: Amqp[] = []
let groups = 0

beforeAll(async () => {
  server = await startRabbitmqServer()
  connection = await connect(server.url)
  raw = await connection.createChannel()
}, TIMEOUT_MS)
afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close({ drainWithinMs: 0 })))
})
afterAll(() => server.stop())

/** A group of the test's own, so that no test sees another's queues. */
function newGroup(): string {
  groups += 1
  return `group${groups}`
}

async function broker(group: string, options: AmqpOptions = {}): Promise<Amqp> {
  const made = new Amqp(group, { reconnectTimeout: 20, ...options })
  brokers.push(made)
  await made.connect(server.url)
  return made
}

async function take<T>(messages: AsyncIterableIterator<T>): Promise<T> {
  const { value, done } = await messages.next()
  if (done) throw new Error("the loop has ended")
  return value
}

async function left(queue: string): Promise<number> {
  return (await raw.checkQueue(queue)).messageCount
}

describe("for await", () => {
  test("gives each message with its event, typed, in order, and settles it by ack", async () => {
    const worker = await broker(newGroup())
    const messages = worker.consume(["MESSAGE_CREATE", "GATEWAY_GAP"])
    await worker.createQueue("MESSAGE_CREATE")
    for (const content of ["one", "two"]) worker.publish("MESSAGE_CREATE", { content }, { messageId: `id ${content}` })
    const seen: string[] = []
    for await (const message of messages) {
      if (message.event === "MESSAGE_CREATE") seen.push(`${message.data.content} ${message.attempt} ${message.id}`)
      await message.ack()
      if (seen.length === 2) break
    }
    expect(seen).toEqual(["one 1 id one", "two 1 id two"])
    await worker.close()
    expect(await left(`${worker.group}:MESSAGE_CREATE`)).toBe(0)
  })

  test("reads JSON and MessagePack, by content type, then by the first byte", async () => {
    const worker = await broker(newGroup())
    await worker.createQueue("E")
    const bodies: [string, string | undefined][] = [
      ['{"a":1}', "application/json"],
      ["7", "application/json"],
      ["[1]", undefined],
      ["\x07", undefined],
    ]
    for (const [body, contentType] of bodies) {
      worker.channel?.publish(worker.group, "E", Buffer.from(body), contentType === undefined ? {} : { contentType })
    }
    worker.publish("E", { b: 2 })
    const messages = worker.consume("E")
    const seen: unknown[] = []
    for (let index = 0; index < 5; index += 1) seen.push((await take(messages)).data)
    expect(seen).toEqual([{ a: 1 }, 7, [1], 7, { b: 2 }])
  })

  test("gives the gateway's key where there is one, also when it comes again", async () => {
    const worker = await broker(newGroup())
    await worker.createQueue("E")
    worker.publish("E", {}, { messageId: "s:1", headers: { key: "E:7" } })
    worker.publish("E", {}, { messageId: "s:2" })
    const messages = worker.consume("E")
    const [first, second] = [await take(messages), await take(messages)]
    expect([first.key, second.key]).toEqual(["E:7", undefined])
    await second.ack()
    await first.nack()
    expect(await take(messages)).toMatchObject({ id: "s:1", key: "E:7", attempt: 2 })
  })

  test("has no more in hand than the prefetch says", async () => {
    const worker = await broker(newGroup())
    await worker.createQueue("E")
    for (const index of [0, 1, 2]) worker.publish("E", index)
    const messages = worker.consume("E", { prefetch: 2 })
    const first = await take(messages)
    await take(messages)
    const third = take(messages)
    expect(await left(`${worker.group}:E`)).toBe(1)
    await first.ack()
    expect((await third).data).toBe(2)
  })

  test("ends when its signal aborts, and gives back what it did not give out", async () => {
    const stop = new AbortController()
    const worker = await broker(newGroup())
    await worker.createQueue("E")
    for (const index of [0, 1, 2]) worker.publish("E", index)
    for await (const { ack } of worker.consume("E", { signal: stop.signal })) {
      await ack()
      stop.abort()
    }
    const heir = (await broker(worker.group)).consume("E")
    expect([(await take(heir)).data, (await take(heir)).data]).toEqual([1, 2])
  })
})

describe("retries", () => {
  test("a message given back comes again, one attempt further, with its id and caller", async () => {
    const worker = await broker(newGroup())
    await worker.createQueue("E")
    const call = worker.call("E", "x", { messageId: "the id", expiration: 60_000 })
    const messages = worker.consume("E")
    await (await take(messages)).nack()
    const second = await take(messages)
    expect([second.data, second.attempt, second.id]).toEqual(["x", 2, "the id"])
    await second.reply("done")
    expect(await call).toBe("done")
  })

  test(
    "a message that kills its workers is counted, and set aside in the end",
    async () => {
      const group = newGroup()
      const publisher = await broker(group)
      await publisher.createQueue("E")
      publisher.publish("E", "poison", { messageId: "p", headers: { mine: true } })
      for (const attempt of [1, 2]) {
        const victim = new Amqp(group, { maxDeliveries: 2 })
        const itsConnection = await connect(server.url)
        await victim.connect(itsConnection)
        expect((await take(victim.consume("E"))).attempt).toBe(attempt)
        // The one that it was published anew from is settled; else both would come again.
        while (!(await server.ctl("list_queues", "name", "messages_unacknowledged")).includes(`${group}:E\t1`));
        await itsConnection.close()
      }
      const heir = await broker(group, { maxDeliveries: 2 })
      const told = new Promise<DeadLetter>((resolve) => heir.once("deadLetter", resolve))
      const next = take(heir.consume("E"))
      expect(await told).toMatchObject({ event: "E", id: "p", to: `${group}:E:dead` })
      publisher.publish("E", "healthy")
      expect((await next).data).toBe("healthy")
      const dead = await raw.get(`${group}:E:dead`, { noAck: true })
      expect(dead && [decode(dead.content), dead.properties.messageId, dead.properties.headers]).toEqual([
        "poison",
        "p",
        { mine: true, "x-attempts": 2 },
      ])
    },
    TIMEOUT_MS,
  )

  test("a message that nobody can read is set aside at once", async () => {
    const worker = await broker(newGroup())
    const told = new Promise<DeadLetter>((resolve) => worker.once("deadLetter", resolve))
    await worker.createQueue("E")
    worker.channel?.publish(worker.group, "E", Buffer.from("{no"), {})
    worker.publish("E", "healthy")
    expect((await take(worker.consume("E"))).data).toBe("healthy")
    expect((await told).reason).toContain("Cannot decode a JSON body")
  })
})

describe("close", () => {
  test("waits for a listener that works, and then for RabbitMQ to have the acknowledgement", async () => {
    const worker = await broker(newGroup())
    const release = Promise.withResolvers<void>()
    const got = new Promise<void>((resolve) =>
      worker.once("E", async (_, { ack }) => {
        resolve()
        await release.promise
        ack()
      }),
    )
    await worker.subscribe("E")
    worker.publish("E", "x")
    await got
    const closed = worker.close()
    release.resolve()
    await closed
    expect(await left(`${worker.group}:E`)).toBe(0)
  })

  test("ends every loop, and what was not begun goes to others", async () => {
    const worker = await broker(newGroup())
    await worker.createQueue("E")
    for (const index of [0, 1, 2]) worker.publish("E", index)
    for await (const { ack } of worker.consume("E")) {
      const closed = worker.close()
      await ack()
      await closed
    }
    const heir = (await broker(worker.group)).consume("E")
    expect([(await take(heir)).data, (await take(heir)).data]).toEqual([1, 2])
  })

  test("publishes what was handed over before", async () => {
    const worker = await broker(newGroup())
    await worker.createQueue("E")
    for (let index = 0; index < 500; index += 1) worker.publish("E", index)
    await worker.close()
    expect(await left(`${worker.group}:E`)).toBe(500)
  })
})

test("watch sees everything from now on, whatever the workers take, until it is ended", async () => {
  const worker = await broker(newGroup())
  const seen: unknown[] = []
  const stop = await worker.watch(["E", "F"], ({ event, data }) => seen.push([event, data]))
  const messages = worker.consume(["E", "F"])
  await worker.createQueue("E")
  const first = take(messages)
  worker.publish("E", 1)
  worker.publish("F", 2)
  await first
  while (seen.length < 2) await Bun.sleep(1)
  stop()
  expect(seen).toEqual([
    ["E", 1],
    ["F", 2],
  ])
})

test(
  "#29 listeners, loops, watches and calls go on after a restart of RabbitMQ",
  async () => {
    const worker = await broker(newGroup())
    worker.on("ask", async (data: string, { ack, reply }) => {
      ack()
      await reply(`${data}!`)
    })
    await worker.subscribe("ask")
    const messages = worker.consume("E")
    const seen: unknown[] = []
    await worker.watch("E", ({ data }) => seen.push(data))
    await worker.createQueue("E")
    const first = take(messages)
    worker.publish("E", "before")
    await (await first).ack()
    const opened = worker.channel
    await server.down()
    await server.up()
    while (worker.channel === opened) await Bun.sleep(5)
    expect(await worker.call("ask", "still there")).toBe("still there!")
    const next = take(messages)
    worker.publish("E", "after")
    expect((await next).data).toBe("after")
    while (!seen.includes("after")) await Bun.sleep(5)
  },
  TIMEOUT_MS,
)
