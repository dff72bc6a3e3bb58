// What every broker must do, whatever server is behind it. Each adapter's test runs this suite over its own harness.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { BodyError, type Broker, BrokerClosedError, type Delivery } from "../../src/brokers/broker.ts"
import { batchOf, batchOfBodies } from "../fixtures/batches.ts"

/** One server, or one pipe, and the brokers connected to it. */
export interface BrokerHarness {
  /** The gateway's side. */
  readonly publisher: Broker
  /** A new broker that receives what `publisher` publishes, in a group with the others made here. */
  consumer(): Promise<Broker>
  /** The server confirms nothing until `resume`. */
  stall(): void
  resume(): void
  /** Closes every broker and stops the server. */
  stop(): Promise<void>
}

export interface BrokerTraits {
  /** Requests find their way back to the caller. */
  readonly calls: boolean
  /** What a closed consumer did not acknowledge is delivered to another. */
  readonly redelivers: boolean
  /** A body is decoded when it is asked for, so that a broken one reaches the consumer. */
  readonly deliversBrokenBodies: boolean
}

const DRAIN = { drainWithinMs: 30_000 }
const NO_DRAIN = { drainWithinMs: 0 }

export function brokerContract(name: string, traits: BrokerTraits, start: () => Promise<BrokerHarness>): void {
  describe(`${name} broker`, () => {
    let harness: BrokerHarness
    let stopConsuming: AbortController
    beforeEach(async () => {
      harness = await start()
      stopConsuming = new AbortController()
    })
    afterEach(async () => {
      stopConsuming.abort()
      harness.resume()
      await harness.stop()
    })

    const publish = (events: readonly [string, unknown][]) =>
      harness.publisher.publish(
        batchOf(
          harness.publisher.encoding,
          events.map(([event, data]) => ({ event, data })),
        ),
      )

    /** An iterator over what a new consumer of the group gets. */
    const consume = async (...events: string[]) => {
      const broker = await harness.consumer()
      const iterator = broker.consume(events, stopConsuming.signal)[Symbol.asyncIterator]()
      return { broker, iterator }
    }

    test("delivers published events in order, with their names and bodies", async () => {
      const { iterator } = await consume("MESSAGE_CREATE", "TYPING_START")
      const sent = Array.from({ length: 200 }, (_, index): [string, unknown] => ["MESSAGE_CREATE", { index }])
      const first = publish(sent.slice(0, 64))
      const second = publish(sent.slice(64))
      const received = await take(iterator, 200)
      expect(received.map(({ event, data }) => [event, data])).toEqual(sent)
      await Promise.all([first, second])
      await publish([["TYPING_START", { text: "ünï\ncode \u2028", nested: [[{ deep: null }]], big: 2 ** 40 }]])
      const [last] = await take(iterator, 1)
      expect(last).toEqual({
        event: "TYPING_START",
        data: { text: "ünï\ncode \u2028", nested: [[{ deep: null }]], big: 2 ** 40 },
      })
    })

    test("delivers events with keys as it delivers others", async () => {
      const { iterator } = await consume("MESSAGE_CREATE", "PRESENCE_UPDATE")
      const { encoding } = harness.publisher
      const sent = Array.from({ length: 600 }, (_, index) => {
        return { event: index % 3 === 0 ? "PRESENCE_UPDATE" : "MESSAGE_CREATE", data: { index, text: "ü\r\n" } }
      })
      const keys = sent.map(({ event, data }) => (event === "PRESENCE_UPDATE" ? null : `${event}:"ü":${data.index}`))
      const published = harness.publisher.publish({ ...batchOf(encoding, sent), keys })
      const received = await take(iterator, sent.length)
      const of = (name: string, list: readonly { readonly event: string; readonly data: unknown }[]) =>
        list.filter(({ event }) => event === name).map(({ data }) => data)
      for (const name of ["PRESENCE_UPDATE", "MESSAGE_CREATE"]) expect(of(name, received)).toEqual(of(name, sent))
      await published
    })

    test("settles a publish only once the server has confirmed it, in the order of handing over", async () => {
      harness.stall()
      const settled: number[] = []
      const publishes = [1, 2, 3].map((number) =>
        publish([["MESSAGE_CREATE", { number }]]).then(() => settled.push(number)),
      )
      await turns()
      expect(settled).toEqual([])
      harness.resume()
      await Promise.all(publishes)
      expect(settled).toEqual([1, 2, 3])
    })

    test("publishes an empty batch as nothing", async () => {
      await publish([])
    })

    test("puts an announcement after everything that was handed over before it", async () => {
      const { iterator } = await consume("MESSAGE_CREATE", "GATEWAY_GAP")
      const publishes = [
        publish([["GATEWAY_GAP", { number: 1 }]]),
        harness.publisher.announce("GATEWAY_GAP", { number: 2 }),
        publish([["GATEWAY_GAP", { number: 3 }]]),
      ]
      const received = await take(iterator, 3)
      expect(received.map(({ data }) => data)).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }])
      await Promise.all(publishes)
    })

    test("delivers a message again that was given back", async () => {
      const { iterator } = await consume("MESSAGE_CREATE")
      await publish([["MESSAGE_CREATE", { number: 1 }]])
      const first = await next(iterator)
      await first.nack()
      const again = await next(iterator)
      expect(again.data()).toEqual({ number: 1 })
      await again.ack()
    })

    test("ends consuming when its signal aborts", async () => {
      const { iterator } = await consume("MESSAGE_CREATE")
      const waiting = iterator.next()
      stopConsuming.abort()
      expect((await waiting).done).toBe(true)
    })

    test("ends consuming when it closes", async () => {
      const { broker, iterator } = await consume("MESSAGE_CREATE")
      const waiting = iterator.next()
      await broker.close(DRAIN)
      expect((await waiting).done).toBe(true)
    })

    test("waits on close until everything handed over is confirmed", async () => {
      const { iterator } = await consume("MESSAGE_CREATE")
      harness.stall()
      const published = publish([["MESSAGE_CREATE", { number: 1 }]])
      const closed = harness.publisher.close(DRAIN)
      await turns()
      harness.resume()
      await Promise.all([published, closed])
      expect((await next(iterator)).data()).toEqual({ number: 1 })
      expect(await harness.publisher.ended).toEqual({ type: "closed" })
    })

    test("rejects what is unconfirmed when the time to drain is over", async () => {
      harness.stall()
      const published = publish([["MESSAGE_CREATE", {}]])
      const failure = published.catch((error: unknown) => error)
      await harness.publisher.close(NO_DRAIN)
      expect(await failure).toBeInstanceOf(BrokerClosedError)
    })

    test("takes nothing once it is closed", async () => {
      await harness.publisher.close(DRAIN)
      await expect(publish([["MESSAGE_CREATE", {}]])).rejects.toBeInstanceOf(BrokerClosedError)
      await expect(harness.publisher.announce("GATEWAY_GAP", {})).rejects.toBeInstanceOf(BrokerClosedError)
    })

    test("may be closed twice", async () => {
      await harness.publisher.close(DRAIN)
      await harness.publisher.close(DRAIN)
    })

    if (traits.redelivers) redeliveryContract(publish, consume)
    if (traits.deliversBrokenBodies) brokenBodyContract(() => harness, consume)
    if (traits.calls) callContract(() => harness, consume)
    else {
      test("refuses a call in one sentence that says what to change", async () => {
        const call = harness.publisher.call("REQUEST", {}, { timeoutMs: 1_000 })
        await expect(call).rejects.toThrow(/^Cannot call REQUEST .*broker\.type.*\.$/)
      })
    }
  })
}

type Publish = (events: readonly [string, unknown][]) => Promise<void>
type Consume = (...events: string[]) => Promise<{ broker: Broker; iterator: AsyncIterator<Delivery> }>

function redeliveryContract(publish: Publish, consume: Consume): void {
  test("delivers to another member of the group what a closed one had not acknowledged", async () => {
    const first = await consume("MESSAGE_CREATE")
    await publish([
      ["MESSAGE_CREATE", { number: 1 }],
      ["MESSAGE_CREATE", { number: 2 }],
    ])
    await (await next(first.iterator)).ack()
    await next(first.iterator)
    await first.broker.close(NO_DRAIN)
    const second = await consume("MESSAGE_CREATE")
    expect((await next(second.iterator)).data()).toEqual({ number: 2 })
  })

  test("delivers each message to one member of a group", async () => {
    const members = [await consume("MESSAGE_CREATE"), await consume("MESSAGE_CREATE")]
    const received: { readonly number: number }[] = []
    const all = Promise.withResolvers<void>()
    const reading = members.map(async ({ iterator }) => {
      for (let { done, value } = await iterator.next(); done !== true; { done, value } = await iterator.next()) {
        await value.ack()
        // Not before: what is not acknowledged when its member closes would fail.
        received.push(value.data())
        if (received.length === 20) all.resolve()
      }
    })
    const sent = Array.from({ length: 20 }, (_, number) => number)
    for (const number of sent) await publish([["MESSAGE_CREATE", { number }]])
    await all.promise
    for (const { broker } of members) await broker.close(NO_DRAIN)
    await Promise.all(reading)
    expect(received.map(({ number }) => number).sort((a, b) => a - b)).toEqual(sent)
  })

  test("keeps what was published before the first consumer came", async () => {
    await publish([["MESSAGE_CREATE", { early: true }]])
    const { iterator } = await consume("MESSAGE_CREATE")
    expect((await next(iterator)).data()).toEqual({ early: true })
  })
}

function brokenBodyContract(harness: () => BrokerHarness, consume: Consume): void {
  test("hands over a body that is neither MessagePack nor JSON, which throws BodyError when it is read", async () => {
    const { iterator } = await consume("MESSAGE_CREATE")
    const { publisher } = harness()
    await publisher.publish(
      batchOfBodies(
        [
          { event: "MESSAGE_CREATE", body: Buffer.from("nonsense") },
          { event: "MESSAGE_CREATE", body: Buffer.from([0xc1]) },
          { event: "MESSAGE_CREATE", body: Buffer.from("{}") },
        ],
        { framing: publisher.encoding.framing },
      ),
    )
    for (const _ of [1, 2]) {
      const broken = await next(iterator)
      expect(() => broken.data()).toThrow(BodyError)
      await broken.ack()
    }
    expect((await next(iterator)).data()).toEqual({})
  })
}

function callContract(harness: () => BrokerHarness, consume: Consume): void {
  test("answers a call with the consumer's reply", async () => {
    const { iterator } = await consume("REQUEST")
    const answer = harness().publisher.call("REQUEST", { question: 6 }, { timeoutMs: 60_000 })
    const request = await next(iterator)
    expect(request.data()).toEqual({ question: 6 })
    await request.reply({ answer: 42 })
    await request.ack()
    expect(await answer).toEqual({ answer: 42 })
  })

  test("loses no reply that comes at once, and mixes none up", async () => {
    const { iterator } = await consume("REQUEST")
    const numbers = Array.from({ length: 50 }, (_, number) => number)
    const answers = numbers.map((number) => harness().publisher.call("REQUEST", { number }, { timeoutMs: 60_000 }))
    for (const _ of numbers) {
      const request = await next(iterator)
      await request.reply({ echo: request.data() })
      await request.ack()
    }
    expect(await Promise.all(answers)).toEqual(numbers.map((number) => ({ echo: { number } })))
  })

  test("rejects a call that nobody answers, naming the event and the time", async () => {
    const call = harness().publisher.call("REQUEST", {}, { timeoutMs: 1 })
    await expect(call).rejects.toThrow("Cannot finish the call to REQUEST: no reply came within 1 ms.")
  })

  test("rejects a waiting call when it closes", async () => {
    const failure = harness()
      .publisher.call("REQUEST", {}, { timeoutMs: 60_000 })
      .catch((error: unknown) => error)
    await harness().publisher.close(NO_DRAIN)
    expect(await failure).toBeInstanceOf(BrokerClosedError)
  })

  test("lets a consumer reply to a message that nobody called with", async () => {
    const { iterator } = await consume("REQUEST")
    await harness().publisher.announce("REQUEST", {})
    await (await next(iterator)).reply({})
  })
}

async function next(iterator: AsyncIterator<Delivery>): Promise<Delivery> {
  const { done, value } = await iterator.next()
  if (done === true) throw new Error("The consumer has ended.")
  return value
}

/** Takes and acknowledges `count` deliveries. */
async function take(iterator: AsyncIterator<Delivery>, count: number): Promise<{ event: string; data: unknown }[]> {
  const taken: { event: string; data: unknown }[] = []
  while (taken.length < count) {
    const delivery = await next(iterator)
    taken.push({ event: delivery.event, data: delivery.data() })
    await delivery.ack()
  }
  return taken
}

/** Lets everything run that is ready to. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
