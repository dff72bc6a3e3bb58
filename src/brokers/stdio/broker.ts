// The broker of a pipeline: events go to standard output, packets come from standard input. Confirmed means that the
// other end of the pipe has taken the bytes, so a slow reader shows as unconfirmed batches.

import type { EventBatch } from "../../codec/batch.ts"
import type { Encoding } from "../../codec/encoding.ts"
import { type Clock, systemClock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import { type Broker, BrokerClosedError, type BrokerEnd, type Delivery } from "../broker.ts"
import { Outbox } from "../outbox.ts"
import { noCalls } from "./call.ts"
import { StdioConsumer } from "./consume.ts"
import { announcementBytes, batchBytes } from "./publish.ts"
import { type Sink, SinkGoneError } from "./sink.ts"

export interface StdioBrokerOptions {
  readonly output: Sink
  /** Standard input. Read from the first `consume` on, and only as fast as deliveries are taken. */
  readonly input: AsyncIterable<Uint8Array>
  readonly body: "json" | "msgpack"
  readonly logger: Logger
  readonly clock?: Clock
}

/** Reads and writes nothing before it is asked to. */
export function stdioBroker(options: StdioBrokerOptions): Broker {
  return new StdioBroker(options)
}

class StdioBroker implements Broker {
  readonly encoding: Encoding
  readonly ended: Promise<BrokerEnd>
  readonly #clock: Clock
  readonly #consumer: StdioConsumer
  readonly #outbox: Outbox<Uint8Array>
  readonly #closing = new AbortController()
  readonly #end: (end: BrokerEnd) => void

  constructor({ output, input, body, logger, clock = systemClock }: StdioBrokerOptions) {
    const { promise, resolve } = Promise.withResolvers<BrokerEnd>()
    this.ended = promise
    this.#end = resolve
    this.encoding = { body, framing: { type: "stdio" } }
    this.#clock = clock
    this.#consumer = new StdioConsumer({ input, logger, clock, closing: this.#closing.signal })
    this.#outbox = new Outbox(
      (bytes) => output.write(bytes),
      (error) => this.#fail(error),
    )
  }

  publish(batch: EventBatch): Promise<void> {
    return this.#outbox.push(batchBytes(batch, this.encoding.body))
  }

  announce(event: string, data: unknown): Promise<void> {
    return this.#outbox.push(announcementBytes(this.encoding.body, event, data))
  }

  consume(events: readonly string[], signal: AbortSignal): AsyncIterable<Delivery> {
    return this.#consumer.deliveries(events, signal)
  }

  call(event: string): Promise<unknown> {
    return Promise.reject(noCalls(`call ${event}`))
  }

  async close({ drainWithinMs }: { readonly drainWithinMs: number }): Promise<void> {
    this.#closing.abort()
    await this.#outbox.drain(drainWithinMs, this.#clock)
    this.#stop({ type: "closed" }, new BrokerClosedError("Cannot publish: the broker was closed."))
  }

  #fail(error: unknown): void {
    const cause = error instanceof Error ? error : new Error(String(error))
    const end: BrokerEnd =
      cause instanceof SinkGoneError ? { type: "gone", reason: cause.message } : { type: "failed", error: cause }
    this.#stop(end, new BrokerClosedError(cause.message, { cause }))
  }

  #stop(end: BrokerEnd, reason: BrokerClosedError): void {
    this.#closing.abort()
    this.#outbox.close(reason)
    this.#end(end)
  }
}
