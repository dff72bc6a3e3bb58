// A broker in this process: for tests, and for running everything in one process. Brokers on one hub reach each other.

import type { EventBatch } from "../../codec/batch.ts"
import type { Encoding } from "../../codec/encoding.ts"
import { type Clock, systemClock } from "../../flow/clock.ts"
import { encodeBody } from "../body.ts"
import { type Broker, BrokerClosedError, type BrokerEnd, type Delivery } from "../broker.ts"
import { Outbox } from "../outbox.ts"
import { call } from "./call.ts"
import { MemoryConsumer } from "./consume.ts"
import type { MemoryHub } from "./hub.ts"
import { appendBatch, type Confirm, confirmAtOnce } from "./publish.ts"

export interface MemoryBrokerOptions {
  readonly hub: MemoryHub
  /** Members of one group share its deliveries; each group sees everything. */
  readonly group: string
  readonly body?: "msgpack" | "json"
  readonly confirm?: Confirm
  readonly clock?: Clock
}

/** @throws nothing: there is no server to be missed. */
export function memoryBroker(options: MemoryBrokerOptions): Broker {
  return new MemoryBroker(options)
}

/** Appends to the hub, in the order of handing over, once it is confirmed. */
interface Publication {
  readonly confirmed: Promise<void>
  readonly append: () => void
}

class MemoryBroker implements Broker {
  readonly encoding: Encoding
  readonly ended: Promise<BrokerEnd>
  readonly #hub: MemoryHub
  readonly #confirm: Confirm
  readonly #clock: Clock
  readonly #consumer: MemoryConsumer
  readonly #outbox: Outbox<Publication>
  readonly #closing = new AbortController()
  readonly #end: (end: BrokerEnd) => void

  constructor({ hub, group, body = "msgpack", confirm = confirmAtOnce, clock = systemClock }: MemoryBrokerOptions) {
    const { promise, resolve } = Promise.withResolvers<BrokerEnd>()
    this.ended = promise
    this.#end = resolve
    this.encoding = { body, framing: { type: "bare" } }
    this.#hub = hub
    this.#confirm = confirm
    this.#clock = clock
    this.#consumer = new MemoryConsumer(hub, group, body)
    this.#outbox = new Outbox(
      async ({ confirmed, append }) => {
        await confirmed
        append()
      },
      (error) => this.#fail(error),
    )
  }

  publish(batch: EventBatch): Promise<void> {
    const confirmed = this.#confirm(batch)
    // It may reject before its turn; the outbox hears of it then.
    confirmed.catch(() => {})
    return this.#outbox.push({ confirmed, append: () => appendBatch(this.#hub, batch) })
  }

  announce(event: string, data: unknown): Promise<void> {
    const body = encodeBody(this.encoding.body, data)
    const append = () => this.#hub.append({ event, id: "", body, reply: null })
    return this.#outbox.push({ confirmed: Promise.resolve(), append })
  }

  consume(events: readonly string[], signal: AbortSignal): AsyncIterable<Delivery> {
    return this.#consumer.deliveries(events, AbortSignal.any([signal, this.#closing.signal]))
  }

  call(event: string, data: unknown, { timeoutMs }: { readonly timeoutMs: number }): Promise<unknown> {
    if (this.#closing.signal.aborted)
      return Promise.reject(new BrokerClosedError(`Cannot call ${event}: the broker was closed.`))
    return call(this.#hub, event, data, {
      body: this.encoding.body,
      timeoutMs,
      clock: this.#clock,
      closing: this.#closing.signal,
    })
  }

  async close({ drainWithinMs }: { readonly drainWithinMs: number }): Promise<void> {
    this.#closing.abort()
    await this.#outbox.drain(drainWithinMs, this.#clock)
    this.#stop({ type: "closed" }, new BrokerClosedError("Cannot publish: the broker was closed."))
  }

  #fail(error: unknown): void {
    const failure = error instanceof Error ? error : new Error(String(error))
    this.#stop(
      { type: "failed", error: failure },
      new BrokerClosedError(`Cannot publish: ${failure.message}`, { cause: failure }),
    )
  }

  #stop(end: BrokerEnd, reason: BrokerClosedError): void {
    this.#outbox.close(reason)
    this.#closing.abort()
    this.#consumer.giveBack()
    this.#end(end)
  }
}
