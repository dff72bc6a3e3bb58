// The broker over RabbitMQ, or another AMQP 0-9-1 server with its confirms. Two connections: one publishes, and may be
// blocked by the server when that runs out of memory; the other consumes, so that acknowledgements still pass.

import type { ConsumeMessage } from "amqplib"
import type { EventBatch } from "../../codec/batch.ts"
import type { Encoding } from "../../codec/encoding.ts"
import { type Clock, systemClock } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import type { Logger } from "../../ops/log.ts"
import { bodyOf, encodeBody } from "../body.ts"
import { type Broker, BrokerClosedError, type BrokerEnd, type Delivery } from "../broker.ts"
import { Calls } from "./call.ts"
import { AmqpConnection, CLOSE_WITHIN_MS, type ConnectionEvents } from "./connection.ts"
import { AmqpConsumer, MAX_PREFETCH, PREFETCH } from "./consume.ts"
import { BrokerFailedError } from "./failure.ts"
import type { MessageHead } from "./frames.ts"
import { batchMessage, CONTENT_TYPES, Heads, singleMessage } from "./message.ts"
import { Publisher } from "./publish.ts"
import { Topology } from "./topology.ts"

/** How long the server may take to come up at the start, where services start together. */
const FIRST_WITHIN_MS = 15_000

/** `blocked`: connected, but the server takes no messages, for want of memory or disk. */
export type AmqpState = "up" | "blocked" | "down"

export interface AmqpBrokerOptions {
  /** The hosts, tried in turn. */
  readonly urls: readonly string[]
  /** The authority of the hosts' certificates, PEM. Absent: the system's. */
  readonly ca?: string
  /** The exchange, and the first part of each queue's name. */
  readonly group: string
  /** Members of one subgroup share its queues; each subgroup sees everything. */
  readonly subgroup?: string
  readonly body: "json" | "msgpack"
  /** How long a message waits for a consumer before the server drops it. */
  readonly messageTimeoutMs: number
  /** The events that are going to be published: their queues are there before the first of them. */
  readonly events: readonly string[]
  readonly logger: Logger
  /** Messages of one event that the server hands over before the first of them is settled. */
  readonly prefetch?: number
  /** A message was given up because consumers gave it back again and again. */
  readonly onPoison?: (event: string) => void
  /** Told when the publishing connection changes. */
  readonly onState?: (state: AmqpState) => void
  readonly firstWithinMs?: number
  readonly clock?: Clock
  readonly random?: () => number
}

/** Connects at once, and again whenever that is needed. What cannot be mended by trying again ends the broker. */
export function amqpBroker(options: AmqpBrokerOptions): Broker {
  return new AmqpBroker(options)
}

class AmqpBroker implements Broker {
  readonly encoding: Encoding
  readonly ended: Promise<BrokerEnd>
  readonly #end: (end: BrokerEnd) => void
  readonly #options: AmqpBrokerOptions
  readonly #clock: Clock
  readonly #publisher: Publisher
  readonly #consumer: AmqpConsumer
  readonly #calls: Calls
  readonly #publishing: AmqpConnection
  readonly #consuming: AmqpConnection
  readonly #closing = new AbortController()
  #isUp = false
  #over = false

  constructor(options: AmqpBrokerOptions) {
    const { promise, resolve } = Promise.withResolvers<BrokerEnd>()
    const { group, subgroup, body, events, messageTimeoutMs, logger } = options
    const { onPoison = () => {}, clock = systemClock, prefetch = PREFETCH } = options
    this.ended = promise
    this.#end = resolve
    this.#options = options
    this.#clock = clock
    this.encoding = { body, framing: { type: "bare" } }
    // What is published goes to the queues of the group; a subgroup's are its members' own.
    this.#publisher = new Publisher({
      topology: new Topology(group),
      heads: new Heads(group, body, messageTimeoutMs),
      events,
      onBroken: (reason) => this.#onBroken(this.#publishing, reason),
    })
    const onConsumingBroken = (reason: Error) => this.#onBroken(this.#consuming, reason)
    this.#consumer = new AmqpConsumer({
      topology: new Topology(group, subgroup),
      prefetch: Math.min(prefetch, MAX_PREFETCH),
      clock,
      reply: (request, data) => this.#reply(request, data),
      log: logger,
      onPoison,
      onBroken: onConsumingBroken,
    })
    this.#calls = new Calls({ clock, onBroken: onConsumingBroken })
    this.#publishing = this.#newPublishing()
    this.#consuming = this.#newConsuming()
    this.#publishing.start()
  }

  publish(batch: EventBatch): Promise<void> {
    return this.#publisher.publish(batchMessage(batch))
  }

  announce(event: string, data: unknown): Promise<void> {
    return this.#publishOne(event, data, { mandatory: true, expirationMs: this.#options.messageTimeoutMs })
  }

  consume(events: readonly string[], signal: AbortSignal): AsyncIterable<Delivery> {
    if (!this.#over) this.#consuming.start()
    return this.#consumer.deliveries(events, AbortSignal.any([signal, this.#closing.signal]))
  }

  call(event: string, data: unknown, { timeoutMs }: { readonly timeoutMs: number }): Promise<unknown> {
    if (this.#closing.signal.aborted)
      return Promise.reject(new BrokerClosedError(`Cannot call ${event}: the broker was closed.`))
    this.#consuming.start()
    // A request that nobody answers in time needs no answer later.
    const publish = (request: { readonly replyTo: string; readonly correlationId: string }) =>
      this.#publishOne(event, data, { ...request, mandatory: false, expirationMs: Math.ceil(timeoutMs) })
    return this.#calls.call(event, timeoutMs, publish)
  }

  async close({ drainWithinMs }: { readonly drainWithinMs: number }): Promise<void> {
    this.#closing.abort()
    await this.#publisher.drain(drainWithinMs, this.#clock)
    await this.#stop({ type: "closed" }, new BrokerClosedError("Cannot publish: the broker was closed."))
  }

  #newPublishing(): AmqpConnection {
    const { firstWithinMs = FIRST_WITHIN_MS } = this.#options
    return this.#newConnection("publish", firstWithinMs, {
      up: async (connection) => {
        await this.#publisher.up(connection)
        this.#isUp = true
        this.#options.onState?.("up")
      },
      down: () => {
        this.#isUp = false
        this.#publisher.down()
        this.#options.onState?.("down")
      },
      blocked: (reason) => this.#onBlocked(reason),
    })
  }

  #newConsuming(): AmqpConnection {
    // It goes where the other one goes, which says when that cannot be.
    return this.#newConnection("consume", Number.POSITIVE_INFINITY, {
      up: async (connection) => {
        await this.#consumer.up(connection)
        this.#calls.up(connection)
      },
      down: () => {
        this.#consumer.down()
        this.#calls.down()
      },
      // It publishes nothing.
      blocked: () => {},
    })
  }

  #newConnection(purpose: string, firstWithinMs: number, on: Omit<ConnectionEvents, "failed">): AmqpConnection {
    const { urls, ca, group, logger, random = Math.random } = this.#options
    return new AmqpConnection({
      name: `spectacles ${group} (${purpose})`,
      urls,
      ...(ca === undefined ? {} : { ca }),
      firstWithinMs,
      clock: this.#clock,
      random,
      log: logger,
      on: { ...on, failed: (error) => this.#fail(error) },
    })
  }

  async #publishOne(
    event: string,
    data: unknown,
    own: Pick<MessageHead, "mandatory" | "expirationMs" | "replyTo" | "correlationId">,
  ): Promise<void> {
    const { group, body } = this.#options
    const head = { ...own, exchange: group, routingKey: event, persistent: true, contentType: CONTENT_TYPES[body] }
    await this.#publisher.publish(singleMessage(head, encodeBody(body, data)))
  }

  /** Straight to the caller's queue, in the form that the request had. The caller may have left: nobody minds. */
  #reply(request: ConsumeMessage, data: unknown): Promise<void> {
    const { replyTo, correlationId } = request.properties
    const body = bodyOf(request.content)
    const head = {
      exchange: "",
      routingKey: String(replyTo),
      ...(correlationId === undefined ? {} : { correlationId: String(correlationId) }),
      mandatory: false,
      persistent: false,
      contentType: CONTENT_TYPES[body],
      expirationMs: this.#options.messageTimeoutMs,
    }
    return this.#publisher.publish(singleMessage(head, encodeBody(body, data)))
  }

  #onBlocked(reason: string | null): void {
    const { logger, onState } = this.#options
    if (!this.#isUp) return
    if (reason === null) logger.info({}, "RabbitMQ takes messages again")
    else logger.warn({ reason }, "RabbitMQ takes no messages: events wait until it does")
    onState?.(reason === null ? "up" : "blocked")
  }

  #onBroken(connection: AmqpConnection, reason: Error): void {
    if (reason instanceof BrokerFailedError) this.#fail(reason)
    else connection.renew(reason)
  }

  #fail(error: BrokerFailedError): void {
    void this.#stop({ type: "failed", error }, new BrokerClosedError(error.message, { cause: error }))
  }

  async #stop(end: BrokerEnd, reason: BrokerClosedError): Promise<void> {
    this.#over = true
    this.#closing.abort()
    this.#publisher.close(reason)
    this.#calls.close()
    this.#end(end)
    await settlesWithin(this.#clock, CLOSE_WITHIN_MS, this.#consumer.close())
    await Promise.all([this.#publishing.close(), this.#consuming.close()])
  }
}
