import { describe, expect, test } from "bun:test"
import { type Broker, BrokerClosedError, type Delivery } from "../../../src/brokers/broker.ts"
import { stdioBroker } from "../../../src/brokers/stdio/broker.ts"
import { MAX_WAITING_MESSAGES } from "../../../src/brokers/stdio/consume.ts"
import { type Sink, SinkGoneError } from "../../../src/brokers/stdio/sink.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { type BrokerHarness, brokerContract } from "../../contract/broker.ts"
import { batchOf } from "../../fixtures/batches.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"

/** A pipe: what is written to it is taken at once, unless it is stalled, and read from the other end. */
class Pipe implements Sink {
  readonly written: Uint8Array[] = []
  #gate = Promise.resolve()
  #open: () => void = () => {}
  #onWrite: () => void = () => {}

  async write(bytes: Uint8Array): Promise<void> {
    await this.#gate
    this.written.push(bytes.slice())
    this.#onWrite()
  }

  stall(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  resume(): void {
    this.#open()
  }

  async *read(): AsyncGenerator<Uint8Array> {
    while (true) {
      const chunk = this.written.shift()
      if (chunk !== undefined) yield chunk
      else {
        await new Promise<void>((resolve) => {
          this.#onWrite = resolve
        })
      }
    }
  }
}

async function harness(body: "json" | "msgpack"): Promise<BrokerHarness> {
  const pipe = new Pipe()
  const brokers: Broker[] = []
  const connect = (output: Sink, input: AsyncIterable<Uint8Array>) => {
    const broker = stdioBroker({ output, input, body, logger: silentLogger })
    brokers.push(broker)
    return broker
  }
  return {
    publisher: connect(pipe, noInput()),
    consumer: async () => connect(new Pipe(), pipe.read()),
    stall: () => pipe.stall(),
    resume: () => pipe.resume(),
    stop: async () => {
      for (const broker of brokers) await broker.close({ drainWithinMs: 0 })
    },
  }
}

async function* noInput(): AsyncGenerator<Uint8Array> {}

async function* inputOf(...chunks: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk
}

const traits = { calls: false, redelivers: false, deliversBrokenBodies: false }
brokerContract("stdio (JSON)", traits, () => harness("json"))
brokerContract("stdio (MessagePack)", traits, () => harness("msgpack"))

describe("stdio broker alone", () => {
  const signal = new AbortController().signal
  const event = { event: "MESSAGE_CREATE", data: { content: "hi" } }

  const failingSink = (error: Error): Sink => ({ write: () => Promise.reject(error) })

  const broker = (options: { output?: Sink; input?: AsyncIterable<Uint8Array>; logger?: RecordingLogger }) =>
    stdioBroker({
      output: options.output ?? new Pipe(),
      input: options.input ?? noInput(),
      body: "json",
      logger: options.logger ?? silentLogger,
      clock: new FakeClock(),
    })

  test("writes a batch as it is, in one piece", async () => {
    const output = new Pipe()
    const stdio = broker({ output })
    await stdio.publish(batchOf(stdio.encoding, [event, event]))
    expect(output.written.map((bytes) => Buffer.from(bytes).toString())).toEqual([
      '{"event":"MESSAGE_CREATE","data":{"content":"hi"}}\n{"event":"MESSAGE_CREATE","data":{"content":"hi"}}\n',
    ])
  })

  test("writes the key of an event beside its data", async () => {
    const output = new Pipe()
    const stdio = broker({ output })
    await stdio.publish({ ...batchOf(stdio.encoding, [event, event]), keys: ['a"b', null] })
    expect(Buffer.from(output.written[0] ?? []).toString()).toBe(
      '{"event":"MESSAGE_CREATE","data":{"content":"hi"},"key":"a\\"b"}\n{"event":"MESSAGE_CREATE","data":{"content":"hi"}}\n',
    )
  })

  test("leaves out what lies in the buffer around a batch", async () => {
    const output = new Pipe()
    const stdio = broker({ output })
    const batch = batchOf(stdio.encoding, [event])
    await stdio.publish({ ...batch, bytes: Buffer.concat([batch.bytes, Buffer.from("old bytes")]) })
    expect(Buffer.from(output.written[0] ?? []).toString()).toEndWith("}\n")
  })

  test("announces as a line of its own", async () => {
    const output = new Pipe()
    await broker({ output }).announce("GATEWAY_GAP", { shard: 3 })
    expect(Buffer.from(output.written[0] ?? []).toString()).toBe('{"event":"GATEWAY_GAP","data":{"shard":3}}\n')
  })

  test("hands a slow reader one batch at a time, and leaves the rest unconfirmed", async () => {
    const writes: Uint8Array[] = []
    const stdio = broker({
      output: {
        write: (bytes) => {
          writes.push(bytes)
          return new Promise(() => {})
        },
      },
    })
    for (let count = 0; count < 100; count += 1) stdio.publish(batchOf(stdio.encoding, [event])).catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    expect(writes).toHaveLength(1)
  })

  test("is gone, without a failure, when the reader has left", async () => {
    const stdio = broker({ output: failingSink(new SinkGoneError("The reader of standard output has left.")) })
    const waiting = [stdio.publish(batchOf(stdio.encoding, [event])), stdio.publish(batchOf(stdio.encoding, [event]))]
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toMatchObject({ status: "rejected", reason: expect.any(BrokerClosedError) })
    }
    expect(await stdio.ended).toEqual({ type: "gone", reason: "The reader of standard output has left." })
    await expect(stdio.publish(batchOf(stdio.encoding, [event]))).rejects.toBeInstanceOf(BrokerClosedError)
  })

  test("has failed when the disk is full, and drops nothing silently", async () => {
    const stdio = broker({ output: failingSink(new Error("no space is left")) })
    await expect(stdio.publish(batchOf(stdio.encoding, [event]))).rejects.toThrow("no space is left")
    expect(await stdio.ended).toMatchObject({ type: "failed", error: { message: "no space is left" } })
  })

  test("hands each message to the consumer of its event", async () => {
    const stdio = broker({ input: inputOf('{"event":"0","data":1}{"event":"SEND","data":2}\n{"event":"0","data":3}') })
    const zero = stdio.consume(["0"], signal)[Symbol.asyncIterator]()
    const send = stdio.consume(["SEND"], signal)[Symbol.asyncIterator]()
    const [first, other] = await Promise.all([zero.next(), send.next()])
    expect([first.value.data(), other.value.data(), (await zero.next()).value.data()]).toEqual([1, 2, 3])
  })

  test("says once in a while what it refuses, and goes on", async () => {
    const logger = new RecordingLogger()
    const stdio = broker({ input: inputOf('what\nis\n{"event":"9","data":1}\n{"event":"0","data":1}'), logger })
    const [delivery] = await firstOf(stdio.consume(["0"], signal), 1)
    expect(delivery?.data()).toBe(1)
    expect(logger.messages("warn")).toEqual([
      "Cannot read a message from standard input: it starts with the byte 0x77, and a JSON object or a MessagePack map is wanted.",
    ])
  })

  test("names the event that nothing here takes", async () => {
    const logger = new RecordingLogger()
    const stdio = broker({ input: inputOf('{"event":"9","data":1}\n{"event":"0","data":1}'), logger })
    await firstOf(stdio.consume(["0"], signal), 1)
    expect(logger.messages("warn")).toEqual([
      "Cannot deliver event 9 from standard input: this gateway takes SEND and the ids of its shards.",
    ])
  })

  test("reads no further than its bound ahead of a slow consumer", async () => {
    let produced = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      while (true) {
        produced += 1
        yield Buffer.from(`{"event":"0","data":${produced}}\n`)
      }
    }
    const stdio = broker({ input: endless() })
    const iterator = stdio.consume(["0"], signal)[Symbol.asyncIterator]()
    expect((await iterator.next()).value.data()).toBe(1)
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(produced).toBeLessThanOrEqual(MAX_WAITING_MESSAGES + 1)
    expect((await iterator.next()).value.data()).toBe(2)
    await stdio.close({ drainWithinMs: 0 })
  })

  test("keeps consuming when the input ends", async () => {
    const stdio = broker({ input: inputOf('{"event":"0","data":1}') })
    const iterator = stdio.consume(["0"], signal)[Symbol.asyncIterator]()
    await iterator.next()
    let ended = false
    const waiting = iterator.next().then(({ done }) => {
      ended = done === true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(ended).toBe(false)
    await stdio.close({ drainWithinMs: 0 })
    await waiting
    expect(ended).toBe(true)
  })

  test("survives input that breaks off with an error", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"event":"0","data":1}')
      throw new Error("EIO")
    }
    const logger = new RecordingLogger()
    const stdio = broker({ input: broken(), logger })
    await firstOf(stdio.consume(["0"], signal), 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(logger.messages("error")).toEqual(["Cannot read standard input any more: no packets can be sent that way."])
  })

  test("refuses a reply in one sentence", async () => {
    const stdio = broker({ input: inputOf('{"event":"0","data":1}') })
    const [delivery] = await firstOf(stdio.consume(["0"], signal), 1)
    await expect(delivery?.reply({}) ?? Promise.resolve()).rejects.toThrow(/^Cannot reply to 0 over standard input/)
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
