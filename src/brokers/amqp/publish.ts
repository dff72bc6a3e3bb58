// Publishing on one confirm channel: everything goes out at once and in order, and is resolved in order as the server
// confirms it. What a lost connection left unconfirmed is published again, before anything newer.
//
//   publications: [ confirmed? | written, unconfirmed … | waiting … ]
//
// What bounds it is the delivery window of each shard, whose batches wait here.

import type { Channel, ChannelModel } from "amqplib"
import type { Clock } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import { BrokerClosedError } from "../broker.ts"
import { asError, BrokerFailedError, isOperatorsMatter, reasonOf } from "./failure.ts"
import { type Confirm, type Lane, openLane } from "./lane.ts"
import type { Heads, Message } from "./message.ts"
import type { Topology } from "./topology.ts"

export interface PublisherOptions {
  readonly topology: Topology
  readonly heads: Heads
  /** Declared before anything is published. */
  readonly events: readonly string[]
  /** The channel is of no use any more: another connection is needed. */
  readonly onBroken: (reason: Error) => void
}

interface Publication {
  readonly message: Message
  readonly done: PromiseWithResolvers<void>
  /** Messages that the present channel has not confirmed; -1: not written to it. */
  unconfirmed: number
}

export class Publisher {
  readonly #options: PublisherOptions
  /** In the order of handing over. */
  readonly #publications: Publication[] = []
  /** How many of them, from the start, are written to the present channel. */
  #written = 0
  #connection: ChannelModel | null = null
  /** What is written to, once everything is declared; null while there is nothing of use. */
  #lane: Lane | null = null
  /** Where queues are declared that nobody thought of before. */
  #declarer: Channel | null = null
  #declaring = false
  /** The socket's buffer is full. */
  #full = false
  #closed: BrokerClosedError | null = null

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Resolves once the server has confirmed every part of it. Rejects with BrokerClosedError when `close` comes first. */
  publish(message: Message): Promise<void> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    const done = Promise.withResolvers<void>()
    this.#publications.push({ message, done, unconfirmed: -1 })
    this.#write()
    return done.promise
  }

  /** Goes on with this connection. */
  async up(connection: ChannelModel): Promise<void> {
    const { topology, events } = this.#options
    this.#connection = connection
    const channel = await connection.createConfirmChannel()
    const lane = openLane({ connection, channel, onDrain: () => this.#onDrain(lane) })
    const broken = (reason: Error) => {
      if (this.#lane === lane) this.#onBroken(reason)
    }
    channel.on("error", (error) => broken(publishFailure(error)))
    channel.on("close", () => broken(new Error("the server has closed the channel")))
    // What nobody takes comes back before its confirm: the queue was deleted. Another connection declares it again.
    channel.on("return", ({ fields }) => broken(new Error(`the queue of ${fields.routingKey} was deleted`)))
    topology.forget()
    await topology.declare(channel, events)
    if (this.#connection !== connection) return
    this.#declarer = channel
    this.#lane = lane
    this.#write()
  }

  /** The connection is gone: what it has not confirmed is published again. */
  down(): void {
    this.#connection = null
    this.#lane = null
    this.#declarer = null
    this.#full = false
    this.#declaring = false
    this.#written = 0
    for (const publication of this.#publications) publication.unconfirmed = -1
  }

  /** Takes nothing more. Resolves when everything is confirmed, or after `withinMs`. */
  async drain(withinMs: number, clock: Clock): Promise<void> {
    this.#closed ??= new BrokerClosedError("Cannot publish: the broker is closing.")
    const last = this.#publications.at(-1)
    if (last === undefined) return
    await settlesWithin(
      clock,
      withinMs,
      last.done.promise.catch(() => {}),
    )
  }

  /** Takes nothing more, and rejects what is unconfirmed. */
  close(reason: BrokerClosedError): void {
    this.#closed = reason
    this.#connection = null
    this.#lane = null
    for (const { done } of this.#publications.splice(0)) done.reject(reason)
  }

  #onDrain(lane: Lane): void {
    if (this.#lane !== lane) return
    this.#full = false
    this.#write()
  }

  /** Nothing more is written to what is of no use. */
  #onBroken(reason: Error): void {
    this.#lane = null
    this.#options.onBroken(reason)
  }

  /** Writes what waits, as far as the socket takes it. */
  #write(): void {
    const { topology } = this.#options
    const lane = this.#lane
    if (lane === null || this.#declaring) return
    for (let next = this.#publications[this.#written]; next !== undefined; next = this.#publications[this.#written]) {
      if (this.#full) return
      const missing = next.message.events().filter((event) => !topology.has(event))
      if (missing.length > 0) return this.#declare(lane, missing)
      this.#writeOne(lane, next)
    }
  }

  #writeOne(lane: Lane, publication: Publication): void {
    const { message } = publication
    const confirm: Confirm = (error) => {
      if (this.#lane !== lane) return
      if (error !== null) return this.#onBroken(new Error("the server has not taken a message"))
      publication.unconfirmed -= 1
      if (publication.unconfirmed === 0) this.#settle()
    }
    this.#written += 1
    publication.unconfirmed = message.count
    this.#full = !lane.send(message.frames(lane, this.#options.heads), message.count, confirm)
    if (message.count === 0) this.#settle()
  }

  /** Resolves the confirmed prefix. */
  #settle(): void {
    let confirmed = 0
    while (this.#publications[confirmed]?.unconfirmed === 0) confirmed += 1
    this.#written -= confirmed
    for (const { done } of this.#publications.splice(0, confirmed)) done.resolve()
  }

  #declare(lane: Lane, events: readonly string[]): void {
    if (this.#declarer === null) return
    this.#declaring = true
    this.#options.topology.declare(this.#declarer, events).then(
      () => {
        if (this.#lane !== lane) return
        this.#declaring = false
        this.#write()
      },
      (error: unknown) => {
        if (this.#lane === lane) this.#onBroken(asError(error))
      },
    )
  }
}

/** A deleted exchange heals with the next connection. A refusal comes again however often it is tried. */
function publishFailure(error: Error): Error {
  if (!isOperatorsMatter(error)) return error
  return new BrokerFailedError(`Cannot publish to RabbitMQ: it says ${reasonOf(error)}; change that on the server.`, {
    cause: error,
  })
}
