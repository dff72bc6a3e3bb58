// The library's broker over a real cluster of three servers: the events of one worker lie on all of them.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { Cluster } from "ioredis"
import { slotOf } from "../../../src/brokers/redis/slots.ts"
import { type DeadLetter, Redis, type RedisOptions } from "../../../src/client/brokers.ts"
import { joinAsReplica, type RedisServer, startRedisCluster } from "../../fixtures/redis-server.ts"

const TIMEOUT_MS = 60_000
/** Of three servers. */
const EVENTS = ["MESSAGE_CREATE", "GUILD_CREATE", "TYPING_START", "PRESENCE_UPDATE", "MESSAGE_UPDATE"]

let servers: RedisServer[]
const brokers: Redis<Cluster>[] = []

beforeAll(async () => {
  servers = [...(await startRedisCluster())]
}, TIMEOUT_MS)
beforeEach(async () => {
  for (const server of servers) await server.command("FLUSHALL").catch(() => {})
})
afterEach(() => {
  for (const broker of brokers.splice(0)) {
    broker.on("error", () => {})
    broker.disconnect()
  }
})
afterAll(async () => {
  for (const server of servers) await server.stop()
})

function broker(options: RedisOptions = {}, group = "workers"): Redis<Cluster> {
  const client = new Cluster(servers.map(({ url }) => url))
  client.on("error", () => {})
  const made: Redis<Cluster> = new Redis(group, client, { blockInterval: 60_000, ...options })
  brokers.push(made)
  return made
}

async function take<T>(messages: AsyncIterableIterator<T>): Promise<T> {
  const { value, done } = await messages.next()
  if (done) throw new Error("the loop has ended")
  return value
}

const indexOf = (event: string) => [0, 1, 2].findIndex((at) => slotOf(event) < Math.ceil(((at + 1) * 16_384) / 3))

test("the events of these tests lie on all servers", () => {
  expect(new Set(EVENTS.map(indexOf)).size).toBe(3)
})

describe("over a cluster", () => {
  test("one loop reads streams of all servers, each in its order, and settles them", async () => {
    const worker = broker()
    for (let number = 0; number < 20; number += 1) {
      for (const event of EVENTS) await worker.publish(event, { number })
    }
    const seen = new Map<string, unknown[]>(EVENTS.map((event) => [event, []]))
    let count = 0
    for await (const { event, data, ack } of worker.consume(EVENTS)) {
      seen.get(event)?.push((data as { readonly number: number }).number)
      await ack()
      count += 1
      if (count === 20 * EVENTS.length) break
    }
    for (const [, numbers] of seen) expect(numbers).toEqual(Array.from({ length: 20 }, (_, number) => number))
    for (const event of EVENTS) expect((await worker.redis.xpending(event, "workers"))[0]).toBe(0)
  })

  test("a message is given out as soon as it comes, while other streams are waited for", async () => {
    const worker = broker()
    const messages = worker.consume(EVENTS)
    const first = take(messages)
    await worker.publish("TYPING_START", "first")
    expect((await first).data).toBe("first")
    await (await first).ack()
    const second = take(messages)
    await worker.publish("GUILD_CREATE", "second")
    expect((await second).data).toBe("second")
  })

  test("listeners of a group share the messages, and a call gets its reply", async () => {
    const seen: unknown[] = []
    const workers = [broker(), broker()]
    for (const worker of workers) {
      worker.on("double", async (data: number, { ack, reply }) => {
        seen.push(data)
        await reply(data * 2)
        await ack()
      })
      worker.on("GUILD_CREATE", (_, { ack }) => ack())
      await worker.subscribe(["double", "GUILD_CREATE"])
    }
    const caller = broker()
    const calls = Array.from({ length: 50 }, (_, index) => caller.call("double", index))
    expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index * 2))
    for (const worker of workers) await worker.close()
    expect(seen.length).toBe(50)
  })

  test("a message is given back, retried, and set aside as a dead letter in the end", async () => {
    const worker = broker({ maxDeliveries: 2 })
    const told = new Promise<DeadLetter>((resolve) => worker.once("deadLetter", resolve))
    await worker.publish("MESSAGE_CREATE", "poison")
    const messages = worker.consume(EVENTS)
    for (const attempt of [1, 2]) {
      const message = await take(messages)
      expect(message.attempt).toBe(attempt)
      await message.nack()
    }
    const next = take(messages)
    expect((await told).to).toBe("workers:MESSAGE_CREATE:dead")
    expect((await take(broker().consume("workers:MESSAGE_CREATE:dead"))).data).toBe("poison")
    await worker.publish("GUILD_CREATE", "healthy")
    expect((await next).data as unknown).toBe("healthy")
  })

  test("what a dead worker had goes to another", async () => {
    const dead = broker()
    await dead.publish("TYPING_START", "x")
    await take(dead.consume(EVENTS))
    dead.disconnect()
    const heir = await take(broker({ claimAfterMs: 1 }).consume(EVENTS))
    expect([heir.data as unknown, heir.attempt]).toEqual(["x", 2])
  })

  test("close finishes what is in hand, gives back what was fetched, and leaves no consumer behind", async () => {
    const worker = broker()
    for (const event of EVENTS) for (const number of [1, 2, 3]) await worker.publish(event, number)
    let handled = 0
    for await (const { ack } of worker.consume(EVENTS)) {
      handled += 1
      const closed = worker.close()
      await ack()
      await closed
    }
    expect(handled).toBe(1)
    const heirs = broker()
    let left = 0
    for await (const { attempt, ack } of heirs.consume(EVENTS)) {
      expect(attempt).toBe(1)
      await ack()
      left += 1
      if (left === EVENTS.length * 3 - 1) break
    }
    await heirs.close()
    for (const event of EVENTS) {
      expect(JSON.stringify(await heirs.redis.xinfo("CONSUMERS", event, "workers"))).not.toContain(heirs.name)
    }
  })

  test("what comes after an unsubscribe goes to another worker", async () => {
    const worker = broker()
    const seen: unknown[] = []
    worker.on("GUILD_CREATE", (data, { ack }) => {
      seen.push(data)
      return ack()
    })
    await worker.subscribe(["GUILD_CREATE", "MESSAGE_CREATE"])
    await worker.publish("GUILD_CREATE", "before")
    while (seen.length === 0) await Bun.sleep(1)
    await worker.unsubscribe("GUILD_CREATE")
    await worker.publish("GUILD_CREATE", "after")
    expect((await take(broker().consume("GUILD_CREATE"))).data as unknown).toBe("after")
    expect(seen).toEqual(["before"])
  })

  test("watch sees streams of all servers", async () => {
    const seen: unknown[] = []
    const stop = await broker().watch(EVENTS, ({ event, data }) => seen.push([event, data]))
    const publisher = broker()
    for (const event of EVENTS) await publisher.publish(event, 1)
    while (seen.length < EVENTS.length) await Bun.sleep(1)
    stop()
    expect(new Set(seen.map(String)).size).toBe(EVENTS.length)
  })

  test(
    "#29 goes on after a server was killed and its replica has taken over",
    async () => {
      const master = servers[indexOf("MESSAGE_CREATE")]
      if (master === undefined) throw new Error("nobody has the stream")
      const replica = await joinAsReplica(master, servers)
      servers.push(replica)
      for (const server of servers) await server.command("CONFIG", "SET", "cluster-node-timeout", "1000")
      const worker = broker()
      worker.on("error", () => {})
      const messages = worker.consume(EVENTS)
      await worker.publish("MESSAGE_CREATE", "before")
      await (await take(messages)).ack()
      await master.kill()
      const after = take(messages)
      while (
        !(await worker.publish("MESSAGE_CREATE", "after").then(
          () => true,
          () => false,
        ))
      )
        await Bun.sleep(50)
      expect((await after).data as unknown).toBe("after")
    },
    TIMEOUT_MS,
  )
})
