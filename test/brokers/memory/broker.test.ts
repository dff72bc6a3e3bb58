import { describe, expect, test } from "bun:test"
import type { Broker, Delivery } from "../../../src/brokers/broker.ts"
import { memoryBroker } from "../../../src/brokers/memory/broker.ts"
import { MAX_UNACKNOWLEDGED } from "../../../src/brokers/memory/consume.ts"
import { MemoryHub } from "../../../src/brokers/memory/hub.ts"
import { type BrokerHarness, brokerContract } from "../../contract/broker.ts"
import { batchOf } from "../../fixtures/batches.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

async function harness(body: "msgpack" | "json"): Promise<BrokerHarness> {
  const hub = new MemoryHub()
  const brokers: Broker[] = []
  let gate = Promise.withResolvers<void>()
  gate.resolve()
  const confirm = () => gate.promise
  const connect = (group: string) => {
    const broker = memoryBroker({ hub, group, body, confirm })
    brokers.push(broker)
    return broker
  }
  return {
    publisher: connect("gateway"),
    consumer: async () => connect("workers"),
    stall: () => {
      gate = Promise.withResolvers()
    },
    resume: () => gate.resolve(),
    stop: async () => {
      for (const broker of brokers) await broker.close({ drainWithinMs: 0 })
    },
  }
}

const traits = { calls: true, redelivers: true, deliversBrokenBodies: true }
brokerContract("memory (MessagePack)", traits, () => harness("msgpack"))
brokerContract("memory (JSON)", traits, () => harness("json"))

describe("memory broker alone", () => {
  const message = (number: number) => ({ event: "MESSAGE_CREATE", data: { number } })
  const signal = new AbortController().signal

  test("shows every group everything", async () => {
    const hub = new MemoryHub()
    const publisher = memoryBroker({ hub, group: "gateway" })
    await publisher.publish(batchOf(publisher.encoding, [message(1)]))
    for (const group of ["a", "b"]) {
      const [delivery] = await firstOf(memoryBroker({ hub, group }).consume(["MESSAGE_CREATE"], signal), 1)
      expect(delivery?.data()).toEqual({ number: 1 })
    }
  })

  test("keeps the id of each event, for tests to compare", async () => {
    const hub = new MemoryHub()
    const broker = memoryBroker({ hub, group: "gateway" })
    await broker.publish(
      batchOf(broker.encoding, [message(1), message(2)], { sessionId: "abc", firstSequence: 2 ** 32 }),
    )
    expect(hub.entries("MESSAGE_CREATE").map(({ id }) => id)).toEqual([`abc:${2 ** 32}`, `abc:${2 ** 32 + 1}`])
  })

  test("keeps the key of each event that has one", async () => {
    const hub = new MemoryHub()
    const broker = memoryBroker({ hub, group: "gateway" })
    await broker.publish({ ...batchOf(broker.encoding, [message(1), message(2)]), keys: [null, "MESSAGE_CREATE:2"] })
    expect(hub.entries("MESSAGE_CREATE").map(({ key }) => key)).toEqual([undefined, "MESSAGE_CREATE:2"])
  })

  test("stores an event only once it is confirmed", async () => {
    const hub = new MemoryHub()
    const gate = Promise.withResolvers<void>()
    const broker = memoryBroker({ hub, group: "gateway", confirm: () => gate.promise })
    const published = broker.publish(batchOf(broker.encoding, [message(1)]))
    expect(hub.entries("MESSAGE_CREATE")).toHaveLength(0)
    gate.resolve()
    await published
    expect(hub.entries("MESSAGE_CREATE")).toHaveLength(1)
  })

  test("has failed when a confirm fails, and says why", async () => {
    const hub = new MemoryHub()
    const broker = memoryBroker({ hub, group: "gateway", confirm: () => Promise.reject(new Error("out of memory")) })
    await expect(broker.publish(batchOf(broker.encoding, [message(1)]))).rejects.toThrow("out of memory")
    expect(await broker.ended).toMatchObject({ type: "failed", error: { message: "out of memory" } })
  })

  test("forgets the oldest entries past its bound", async () => {
    const hub = new MemoryHub({ retainedEntries: 10 })
    const broker = memoryBroker({ hub, group: "gateway" })
    for (let number = 0; number < 100; number += 1) await broker.announce("GATEWAY_GAP", { number })
    expect(hub.entries("GATEWAY_GAP").length).toBeLessThan(20)
    const [oldest] = await firstOf(broker.consume(["GATEWAY_GAP"], signal), 1)
    expect(oldest?.data()).toEqual({ number: 100 - hub.entries("GATEWAY_GAP").length })
  })

  test("delivers no more than its bound without an acknowledgement", async () => {
    const hub = new MemoryHub()
    const broker = memoryBroker({ hub, group: "workers" })
    for (let number = 0; number <= MAX_UNACKNOWLEDGED; number += 1) await broker.announce("GATEWAY_GAP", { number })
    const iterator = broker.consume(["GATEWAY_GAP"], signal)[Symbol.asyncIterator]()
    const held: Delivery[] = []
    for (let index = 0; index < MAX_UNACKNOWLEDGED; index += 1) held.push((await iterator.next()).value)
    let arrived = false
    const last = iterator.next().then(({ value }) => {
      arrived = true
      return value
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(arrived).toBe(false)
    await held[0]?.ack()
    expect((await last).data()).toEqual({ number: MAX_UNACKNOWLEDGED })
  })

  test("delivers a rare event between those of a busy one", async () => {
    const hub = new MemoryHub()
    const broker = memoryBroker({ hub, group: "workers" })
    for (let number = 0; number < 10; number += 1) await broker.announce("BUSY", number)
    await broker.announce("RARE", "rare")
    const deliveries = await firstOf(broker.consume(["BUSY", "RARE"], signal), 2)
    expect(deliveries.map(({ event }) => event)).toContain("RARE")
  })

  test("waits for the time it was given, and no longer, for a call", async () => {
    const clock = new FakeClock()
    const broker = memoryBroker({ hub: new MemoryHub(), group: "gateway", clock })
    const failure = broker.call("REQUEST", {}, { timeoutMs: 500 }).catch((error: unknown) => error)
    clock.advance(500)
    expect(await failure).toMatchObject({ message: "Cannot finish the call to REQUEST: no reply came within 500 ms." })
  })
})

async function firstOf(deliveries: AsyncIterable<Delivery>, count: number): Promise<Delivery[]> {
  const taken: Delivery[] = []
  for await (const delivery of deliveries) {
    taken.push(delivery)
    if (taken.length === count) break
  }
  return taken
}
