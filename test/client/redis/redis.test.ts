// The library's broker over a real Redis: what it has beyond `@spectacles/brokers`.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { Redis as Client } from "ioredis"
import { type DeadLetter, Redis, type RedisOptions } from "../../../src/client/brokers.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"

let server: RedisServer
let client: Client
const brokers: Redis[] = []

beforeAll(async () => {
  server = await startRedisServer({ appendOnly: true })
})
beforeEach(async () => {
  client = connection()
  await client.flushall()
})
afterEach(() => {
  for (const broker of brokers.splice(0)) {
    broker.on("error", () => {})
    broker.disconnect()
  }
  client.disconnect()
})
afterAll(() => server.stop())

function connection(): Client {
  const made = new Client(server.url)
  made.on("error", () => {})
  return made
}

function broker(options: RedisOptions = {}, group = "workers"): Redis {
  const made = new Redis(group, connection(), { blockInterval: 50, ...options })
  brokers.push(made)
  return made
}

async function take<T>(messages: AsyncIterableIterator<T>): Promise<T> {
  const { value, done } = await messages.next()
  if (done) throw new Error("the loop has ended")
  return value
}

/** How many messages the workers have and did not settle. */
async function pending(event: string): Promise<unknown> {
  const [count] = await client.xpending(event, "workers")
  return count
}

/** Resolves once some connection waits in this command. */
async function blockedIn(command: string): Promise<void> {
  while (!String(await client.client("LIST")).includes(`cmd=${command}`)) await Bun.sleep(1)
}

describe("for await", () => {
  test("gives each message with its event, typed, in order, and settles it by ack", async () => {
    const worker = broker()
    for (const content of ["one", "two", "three"]) await worker.publish("MESSAGE_CREATE", { content })
    const seen: string[] = []
    for await (const { event, data, attempt, ack } of worker.consume("MESSAGE_CREATE")) {
      seen.push(`${event} ${data.content} ${attempt}`)
      await ack()
      if (seen.length === 3) break
    }
    expect(seen).toEqual(["MESSAGE_CREATE one 1", "MESSAGE_CREATE two 1", "MESSAGE_CREATE three 1"])
    expect(await pending("MESSAGE_CREATE")).toBe(0)
  })

  test("tells the data apart by the event", async () => {
    const worker = broker()
    await worker.publish("GATEWAY_GAP", { shard: 3, session_id: "s", last_seq: 9 })
    for await (const message of worker.consume(["MESSAGE_CREATE", "GATEWAY_GAP"])) {
      if (message.event === "MESSAGE_CREATE") throw new Error(message.data.content)
      expect(message.data.shard).toBe(3)
      await message.ack()
      break
    }
  })

  test("gives the gateway's id, which is the same for an event that was published twice", async () => {
    const worker = broker()
    for (const _ of [1, 2]) await client.xadd("E", "*", "data", Buffer.from([0xc0]), "id", "session:41")
    const entry = await worker.publish("E", null)
    const messages = worker.consume("E")
    expect([(await take(messages)).id, (await take(messages)).id]).toEqual(["session:41", "session:41"])
    expect((await take(messages)).id).toBe(entry)
  })

  test("gives the gateway's key where there is one, also to listeners and when it comes again", async () => {
    const worker = broker()
    await client.xadd("E", "*", "data", "{}", "id", "s:1", "key", "E:7")
    await client.xadd("E", "*", "data", "{}", "id", "s:2")
    const messages = worker.consume("E")
    const [first, second] = [await take(messages), await take(messages)]
    expect([first.key, second.key]).toEqual(["E:7", undefined])
    expect("key" in second).toBe(false)
    await second.ack()
    await first.nack()
    expect(await take(messages)).toMatchObject({ id: "s:1", key: "E:7", attempt: 2 })
    const listener = broker({}, "listeners")
    const heard = new Promise((resolve) => listener.once("E", (_, { key }) => resolve(key)))
    await listener.subscribe("E")
    expect(await heard).toBe("E:7")
  })

  test("reads JSON as well as MessagePack", async () => {
    await client.xadd("E", "*", "data", '{"json":true}')
    expect((await take(broker().consume("E"))).data).toEqual({ json: true })
  })

  test("holds back when as many messages are in hand as the prefetch says", async () => {
    const worker = broker({ maxChunk: 1 })
    for (const index of [0, 1, 2]) await worker.publish("E", index)
    const messages = worker.consume("E", { prefetch: 2 })
    const first = await take(messages)
    await take(messages)
    const third = take(messages)
    expect(await pending("E")).toBe(2)
    await first.ack()
    expect((await third).data).toBe(2)
  })

  test("ends when its signal aborts, and gives back what it fetched and did not give out", async () => {
    const stop = new AbortController()
    const worker = broker()
    for (const index of [0, 1, 2]) await worker.publish("E", index)
    for await (const { ack } of worker.consume("E", { signal: stop.signal })) {
      await ack()
      stop.abort()
    }
    const heir = await take(broker().consume("E"))
    expect([heir.data, heir.attempt]).toEqual([1, 1])
  })

  test("goes on when the stream and its groups are deleted under it", async () => {
    const worker = broker()
    const messages = worker.consume("E")
    await worker.publish("E", "before")
    await (await take(messages)).ack()
    await client.del("E")
    const after = take(messages)
    await worker.publish("E", "after")
    expect((await after).data).toBe("after")
  })

  test("#29 goes on after a restart of Redis", async () => {
    const worker = broker()
    const messages = worker.consume("E")
    await worker.publish("E", "before")
    await (await take(messages)).ack()
    const after = take(messages)
    await server.down()
    await server.up()
    await connection().xadd("E", "*", "data", Buffer.from([0xa5, ...Buffer.from("after")]))
    expect((await after).data).toBe("after")
  })
})

describe("retries", () => {
  test("a message given back comes again, one attempt further, with the same id", async () => {
    const messages = broker().consume("E")
    await broker().publish("E", "x")
    const first = await take(messages)
    await first.nack()
    const second = await take(messages)
    expect([second.data, second.attempt, second.id]).toEqual(["x", 2, first.id])
  })

  test("what a dead worker had goes to another", async () => {
    const dead = broker()
    await dead.publish("E", "x")
    await take(dead.consume("E"))
    dead.disconnect()
    const heir = await take(broker({ claimAfterMs: 1 }).consume("E"))
    expect([heir.data, heir.attempt]).toEqual(["x", 2])
  })

  test("listeners get what a dead worker had, too", async () => {
    const dead = broker()
    await dead.publish("E", "x")
    await take(dead.consume("E"))
    dead.disconnect()
    const heir = broker({ claimAfterMs: 1 })
    const got = new Promise((resolve) => heir.once("E", (data, { attempt }) => resolve([data, attempt])))
    await heir.subscribe("E")
    expect(await got).toEqual(["x", 2])
  })

  test("a message that was given out too often is set aside with its data, and told of", async () => {
    const worker = broker({ maxDeliveries: 2 })
    const told = new Promise<DeadLetter>((resolve) => worker.once("deadLetter", resolve))
    await worker.publish("E", "poison")
    const messages = worker.consume("E")
    for (const _ of [1, 2]) await (await take(messages)).nack()
    const next = take(messages)
    const { to, event, reason } = await told
    expect([to, event]).toEqual(["workers:E:dead", "E"])
    expect(reason).toContain("given out 2 times")
    expect(await pending("E")).toBe(0)
    await worker.publish("E", "healthy")
    expect((await next).data).toBe("healthy")
    expect((await take(broker().consume("workers:E:dead"))).data).toBe("poison")
  })

  test("a message that nobody can read is set aside at once, and the next is given out", async () => {
    const worker = broker()
    const told: DeadLetter[] = []
    worker.on("deadLetter", (letter) => told.push(letter))
    await client.xadd("E", "*", "data", Buffer.from([0x82, 0xa1]))
    await client.xadd("E", "*", "nothing", "here")
    await worker.publish("E", "healthy")
    expect((await take(worker.consume("E"))).data).toBe("healthy")
    expect(told.map(({ reason }) => reason.split(":")[0])).toEqual([
      "Cannot decode a MessagePack body",
      expect.stringContaining("Cannot read entry"),
    ])
  })

  test("with claimAfterMs 0 nothing is taken over", async () => {
    const dead = broker()
    await dead.publish("E", "dead's")
    await take(dead.consume("E"))
    dead.disconnect()
    await broker().publish("E", "new")
    expect((await take(broker({ claimAfterMs: 0 }).consume("E"))).data).toBe("new")
  })
})

describe("without a listener for errors", () => {
  // Nobody reads any more whom a test before has left to be disconnected.
  beforeEach(async () => {
    while (String(await client.client("LIST")).includes("cmd=xreadgroup")) await Bun.sleep(1)
  })

  /** What stands where the stream was cannot be read. */
  async function breakAndMend(): Promise<void> {
    await blockedIn("xreadgroup")
    await client.pipeline().del("E").set("E", "no stream").exec()
    await worksOn("xreadgroup", 3)
    await client.del("E")
  }

  /** Resolves once Redis was asked so often more. */
  async function worksOn(command: string, times: number): Promise<void> {
    const asked = async () => {
      const [, calls = "0"] =
        new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await client.info("commandstats")) ?? []
      return Number(calls)
    }
    const until = (await asked()) + times
    while ((await asked()) < until) await Bun.sleep(5)
  }

  test("subscribing goes on after a failure", async () => {
    const worker = broker()
    const heard = new Promise((resolve) => worker.once("E", resolve))
    await worker.subscribe("E")
    await breakAndMend()
    await worker.publish("E", "after it")
    expect(await heard).toBe("after it")
  })

  test("a loop goes on after a failure", async () => {
    const worker = broker()
    const next = take(worker.consume("E"))
    await breakAndMend()
    await worker.publish("E", "after it")
    expect((await next).data).toBe("after it")
  })

  test("watching goes on after what cannot be read", async () => {
    const worker = broker()
    const seen: unknown[] = []
    const end = await worker.watch("E", ({ data }) => seen.push(data))
    await client.xadd("E", "*", "data", Buffer.from([0xc1]))
    await worker.publish("E", "after it")
    while (seen.length === 0) await Bun.sleep(1)
    end()
    expect(seen).toEqual(["after it"])
  })
})

describe("close", () => {
  test("waits for what is in hand, and leaves no consumer behind", async () => {
    const worker = broker()
    await worker.publish("E", "x")
    const release = Promise.withResolvers<void>()
    const got = new Promise<void>((resolve) =>
      worker.once("E", async (_, { ack }) => {
        resolve()
        await release.promise
        await ack()
      }),
    )
    await worker.subscribe("E")
    await got
    const closed = worker.close()
    expect(await pending("E")).toBe(1)
    release.resolve()
    await closed
    expect(await pending("E")).toBe(0)
    expect(await client.xinfo("CONSUMERS", "E", "workers")).toEqual([])
  })

  test("ends every loop, and gives back what was fetched for them", async () => {
    const worker = broker()
    for (const index of [0, 1, 2]) await worker.publish("E", index)
    const seen: unknown[] = []
    for await (const { data, ack } of worker.consume("E")) {
      seen.push(data)
      const closed = worker.close()
      await ack()
      await closed
    }
    expect(seen).toEqual([0])
    const heirs = broker().consume("E")
    expect([(await take(heirs)).data, (await take(heirs)).data]).toEqual([1, 2])
  })

  test("ends a loop that waits for messages", async () => {
    const worker = broker({ blockInterval: 60_000 })
    const messages = worker.consume("E")
    const next = messages.next()
    await blockedIn("xreadgroup")
    await worker.close()
    expect(await next).toEqual({ done: true, value: undefined })
  })

  test("leaves the client that was given connected", async () => {
    const worker = broker()
    await worker.subscribe("E")
    await worker.close()
    expect(await worker.redis.call("ping")).toBe("PONG")
  })

  test("ends while Redis is away, too", async () => {
    const away = await startRedisServer()
    const user = new Client(away.url)
    user.on("error", () => {})
    const worker = new Redis("workers", user, { blockInterval: 50 })
    worker.on("E", () => {})
    await worker.subscribe("E")
    const messages = worker.consume("F")
    const next = messages.next()
    await worker.publish("F", "x")
    await next
    const lost = new Promise<void>((resolve) => user.once("close", resolve))
    await away.stop()
    await lost
    await worker.close({ drainWithinMs: 0 })
    worker.disconnect()
  })

  test("fails calls that wait", async () => {
    const worker = broker()
    const call = worker.call("E", 1, { timeout: 60_000 })
    call.catch(() => {})
    while ((await client.xlen("E")) === 0) await Bun.sleep(1)
    await worker.close()
    await expect(call).rejects.toThrow("the broker was closed")
  })
})

describe("call", () => {
  test("gets a reply that is published before the caller knows its request's id", async () => {
    const caller = broker()
    const replier = connection()
    const publisher = connection()
    let last = "$"
    const answers = (async () => {
      for (let count = 0; count < 200; ) {
        const [stream] = (await replier.xread("BLOCK", 0, "STREAMS", "ask", last)) ?? []
        for (const [id] of stream?.[1] ?? []) {
          last = id
          count += 1
          await publisher.publish(`ask:${id}`, Buffer.from([count & 0x7f]))
        }
      }
    })()
    await blockedIn("xread")
    const replies: unknown[] = []
    for (let index = 1; index <= 200; index += 1) replies.push(await caller.call("ask", index))
    await answers
    expect(replies).toEqual(Array.from({ length: 200 }, (_, index) => (index + 1) & 0x7f))
    for (const one of [replier, publisher]) one.disconnect()
  })

  test("keeps many calls apart that are under way at once", async () => {
    const worker = broker()
    worker.on("double", async (data: number, { ack, reply }) => {
      await reply(data * 2)
      await ack()
    })
    await worker.subscribe("double")
    const callers = [broker(), broker()]
    const calls = Array.from({ length: 100 }, (_, index) => callers[index % 2]?.call("double", index))
    expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index * 2))
    await worker.close()
  })

  test("takes an event's name as it is, not as a pattern", async () => {
    const worker = broker()
    worker.on("a*[b]?", async (_, { ack, reply }) => {
      await reply("yes")
      await ack()
    })
    await worker.subscribe("a*[b]?")
    expect(await broker().call("a*[b]?", 1)).toBe("yes")
    await worker.close()
  })

  test("fails with a sentence when no reply comes", async () => {
    await expect(broker().call("nobody", 1, { timeout: 1 })).rejects.toThrow(
      "Cannot finish the call to nobody: no reply came within 1 ms.",
    )
  })
})

describe("watch", () => {
  test("sees everything from now on, whatever groups take, until it is ended", async () => {
    const worker = broker()
    await worker.publish("E", "earlier")
    const seen: unknown[] = []
    const stop = await broker().watch(["E", "F"], ({ event, data }) => seen.push([event, data]))
    const messages = worker.consume(["E", "F"])
    await worker.publish("E", 1)
    for (const _ of [1, 2]) await (await take(messages)).ack()
    await worker.publish("F", 2)
    while (seen.length < 2) await Bun.sleep(1)
    stop()
    await worker.publish("E", 3)
    await (await take(messages)).ack()
    expect(seen).toEqual([
      ["E", 1],
      ["F", 2],
    ])
  })
})
