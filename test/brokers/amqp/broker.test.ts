import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { type Channel, connect as dial } from "amqplib"
import { type AmqpBrokerOptions, amqpBroker } from "../../../src/brokers/amqp/broker.ts"
import { MAX_REDELIVERIES } from "../../../src/brokers/amqp/redeliveries.ts"
import { type Broker, BrokerClosedError } from "../../../src/brokers/broker.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { type BrokerHarness, brokerContract } from "../../contract/broker.ts"
import { takeMessages } from "../../fixtures/amqp-queues.ts"
import { batchOf } from "../../fixtures/batches.ts"
import { type RabbitmqServer, startRabbitmqServer } from "../../fixtures/rabbitmq-server.ts"

const START_TIMEOUT_MS = 60_000
const EVENTS = ["MESSAGE_CREATE", "TYPING_START", "GATEWAY_GAP"]

let server: RabbitmqServer
let groups = 0
beforeAll(async () => {
  server = await startRabbitmqServer()
}, START_TIMEOUT_MS)
afterAll(() => server.stop())

/** A group of its own for each test, so that none sees what another left. */
async function harness(body: "msgpack" | "json"): Promise<BrokerHarness> {
  groups += 1
  const group = `gateway-${groups}`
  const brokers: Broker[] = []
  const connect = () => {
    const options = { urls: [server.url], group, body, messageTimeoutMs: 60_000, events: EVENTS, logger: silentLogger }
    const broker = amqpBroker(options)
    brokers.push(broker)
    return broker
  }
  return {
    publisher: connect(),
    consumer: async () => connect(),
    stall: () => server.pause(),
    resume: () => server.resume(),
    stop: async () => {
      await Promise.all(brokers.map((broker) => broker.close({ drainWithinMs: 0 })))
    },
  }
}

const traits = { calls: true, redelivers: true, deliversBrokenBodies: true }
brokerContract("AMQP (JSON)", traits, () => harness("json"))
brokerContract("AMQP (MessagePack)", traits, () => harness("msgpack"))

describe("AMQP broker alone", () => {
  const brokers: Broker[] = []
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close({ drainWithinMs: 0 })))
  })

  function connect(options: Partial<AmqpBrokerOptions> = {}): Broker {
    const broker = amqpBroker({
      urls: [server.url],
      group: "alone",
      body: "json",
      messageTimeoutMs: 60_000,
      events: EVENTS,
      logger: silentLogger,
      ...options,
    })
    brokers.push(broker)
    return broker
  }

  const failure = async (broker: Broker) => {
    const end = await broker.ended
    return end.type === "failed" ? end.error.message : end.type
  }

  /** What another service did to the server before. */
  async function beforehand(work: (channel: Channel) => Promise<unknown>): Promise<void> {
    const connection = await dial(server.url)
    await work(await connection.createChannel())
    await connection.close()
  }

  test("#36 gives up at the start when no host can be reached, and says so", async () => {
    const urls = ["amqp://127.0.0.1:1", "amqp://127.0.0.1:2"]
    expect(await failure(connect({ urls, firstWithinMs: 0 }))).toMatch(
      /^Cannot connect to RabbitMQ at amqp:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*; start it, or change amqp\.url \(AMQP_URL\)\.$/,
    )
  })

  test("#36 gives up at once when the virtual host is not there", async () => {
    expect(await failure(connect({ urls: [`${server.url}/nowhere`] }))).toBe(
      `Cannot connect to RabbitMQ at ${server.url}/nowhere: it has no virtual host "nowhere" for this user; add it, or change the path of amqp.url (AMQP_URL).`,
    )
  })

  test("tries the hosts in turn", async () => {
    const broker = connect({ urls: ["amqp://127.0.0.1:1", server.url] })
    await broker.announce("GATEWAY_GAP", {})
  })

  test("fails in one sentence when the exchange has another type", async () => {
    await beforehand((channel) => channel.assertExchange("fanned", "fanout"))
    const broker = connect({ group: "fanned" })
    const announced = broker.announce("GATEWAY_GAP", {}).catch((error: unknown) => error)
    expect(await failure(broker)).toMatch(
      /^Cannot declare the exchange "fanned": RabbitMQ says PRECONDITION_FAILED - inequivalent arg 'type' .*; delete it, or choose another broker\.group\.$/,
    )
    expect(await announced).toBeInstanceOf(BrokerClosedError)
  })

  test("fails in one sentence when a queue was declared with arguments", async () => {
    await beforehand((channel) => channel.assertQueue("limited:TYPING_START", { maxLength: 10 }))
    expect(await failure(connect({ group: "limited" }))).toStartWith(
      'Cannot declare the queue "limited:TYPING_START": RabbitMQ says PRECONDITION_FAILED - inequivalent arg',
    )
  })

  test("shows every subgroup everything", async () => {
    const [first, second] = ["a", "b"].map((subgroup) =>
      connect({ group: "split", subgroup })
        .consume(["GATEWAY_GAP"], new AbortController().signal)
        [Symbol.asyncIterator](),
    )
    const both = Promise.all([first?.next(), second?.next()])
    // Their queues are there once they have subscribed.
    let received = false
    void both.finally(() => {
      received = true
    })
    const publisher = connect({ group: "split" })
    while (!received) await publisher.announce("GATEWAY_GAP", { shard: 1 })
    for (const result of await both) expect(result?.value.data()).toEqual({ shard: 1 })
  })

  test("#31 gives up a message that consumers give back again and again", async () => {
    const poisoned: string[] = []
    const broker = connect({ group: "poisoned", onPoison: (event) => poisoned.push(event) })
    await broker.announce("GATEWAY_GAP", {})
    await broker.announce("GATEWAY_GAP", { after: true })
    const seen: unknown[] = []
    for await (const delivery of broker.consume(["GATEWAY_GAP"], new AbortController().signal)) {
      seen.push(delivery.data())
      if (JSON.stringify(delivery.data()) === "{}") await delivery.nack()
      else await delivery.ack()
      if (poisoned.length > 0 && seen.length === MAX_REDELIVERIES + 2) break
    }
    expect(poisoned).toEqual(["GATEWAY_GAP"])
  })

  test("stamps what it publishes with an id, an expiry and its content type, and makes it last", async () => {
    const broker = connect({ group: "stamped", body: "msgpack" })
    await broker.publish(
      batchOf(broker.encoding, [{ event: "MESSAGE_CREATE", data: {} }], {
        sessionId: "abc",
        firstSequence: 2 ** 32,
      }),
    )
    const taken = await takeMessages(server.url, "stamped", ["MESSAGE_CREATE"])
    expect(taken.get("MESSAGE_CREATE")?.[0]?.properties).toMatchObject({
      messageId: `abc:${2 ** 32}`,
      expiration: "60000",
      contentType: "application/msgpack",
      deliveryMode: 2,
    })
  })

  test("writes the key of an event as a header, beside all else", async () => {
    const broker = connect({ group: "keyed", body: "json" })
    const events = ["a", "b"].map((content) => ({ event: "MESSAGE_CREATE", data: { content } }))
    await broker.publish({
      ...batchOf(broker.encoding, events, { sessionId: "abc" }),
      keys: ["MESSAGE_CREATE:ü", null],
    })
    const taken = await takeMessages(server.url, "keyed", ["MESSAGE_CREATE"])
    const [first, second] = taken.get("MESSAGE_CREATE") ?? []
    expect(first?.properties).toMatchObject({
      ...{ messageId: "abc:1", expiration: "60000", contentType: "application/json", deliveryMode: 2 },
      headers: { key: "MESSAGE_CREATE:ü" },
    })
    expect(second?.properties).toMatchObject({ messageId: "abc:2", headers: undefined })
  })

  test("publishes a 3 MB event whole", async () => {
    const broker = connect({ group: "large" })
    const text = "x".repeat(3 * 1024 * 1024)
    await broker.publish(batchOf(broker.encoding, [{ event: "MESSAGE_CREATE", data: { text } }]))
    const taken = await takeMessages(server.url, "large", ["MESSAGE_CREATE"])
    expect(JSON.parse(taken.get("MESSAGE_CREATE")?.[0]?.content.toString() ?? "")).toEqual({ text })
  })

  test("leaves what was in hand when its signal aborted to be acknowledged", async () => {
    const broker = connect({ group: "stopping" })
    const stop = new AbortController()
    await broker.announce("GATEWAY_GAP", {})
    const deliveries = broker.consume(["GATEWAY_GAP"], stop.signal)[Symbol.asyncIterator]()
    const { value } = await deliveries.next()
    stop.abort()
    expect((await deliveries.next()).done).toBe(true)
    await value.ack()
    await broker.close({ drainWithinMs: 1_000 })
    expect((await takeMessages(server.url, "stopping", ["GATEWAY_GAP"])).get("GATEWAY_GAP")).toEqual([])
  })
})
