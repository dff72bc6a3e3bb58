// Consuming: one channel for each subscription, with a bound on what the server hands over unacknowledged. A new connection
// subscribes anew; what was in hand on the old one is delivered again by the server.

import type { Channel, ChannelModel, ConsumeMessage } from "amqplib"
import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import type { Delivery } from "../broker.ts"
import { AmqpDelivery, type DeliveryContext } from "./delivery.ts"
import { asError } from "./failure.ts"
import { Redeliveries } from "./redeliveries.ts"
import type { Topology } from "./topology.ts"

/** Messages of one event that the server hands over before the first of them is settled, unless told otherwise. */
export const PREFETCH = 100
/** AMQP has 16 bits for it. */
export const MAX_PREFETCH = 65_535

export interface ConsumerOptions {
  readonly topology: Topology
  readonly prefetch: number
  readonly clock: Clock
  readonly reply: DeliveryContext["reply"]
  readonly log: Logger
  readonly onPoison: (event: string) => void
  /** A channel is of no use any more: another connection is needed. */
  readonly onBroken: (reason: Error) => void
}

interface Subscription {
  readonly events: readonly string[]
  /** Arrived and not taken; at most `prefetch` for each event. */
  waiting: AmqpDelivery[]
  wake: () => void
  /** Null while there is no connection. */
  subscribed: Subscribed | null
  ended: boolean
}

interface Subscribed {
  readonly channel: Channel
  readonly tags: string[]
  /** Handed over by the server and not settled. */
  unsettled: number
}

export class AmqpConsumer {
  readonly #options: ConsumerOptions
  readonly #redeliveries = new Redeliveries()
  readonly #subscriptions = new Set<Subscription>()
  /** Channels that are being closed: what was acknowledged on them is on its way until they are. */
  readonly #leaving = new Set<Promise<void>>()
  #connection: ChannelModel | null = null

  constructor(options: ConsumerOptions) {
    this.#options = options
  }

  /** What arrives for the events until `stop` aborts. What was taken by then can still be acknowledged. */
  async *deliveries(events: readonly string[], stop: AbortSignal): AsyncGenerator<Delivery> {
    const subscription: Subscription = { events, waiting: [], wake: () => {}, subscribed: null, ended: false }
    this.#subscriptions.add(subscription)
    const end = () => this.#end(subscription)
    stop.addEventListener("abort", end)
    if (stop.aborted) end()
    else if (this.#connection !== null) this.#trySubscribe(subscription, this.#connection)
    try {
      while (!subscription.ended) {
        const delivery = subscription.waiting.shift()
        if (delivery !== undefined) yield delivery
        else await arrival(subscription)
      }
    } finally {
      stop.removeEventListener("abort", end)
      end()
    }
  }

  /** Goes on with this connection. */
  async up(connection: ChannelModel): Promise<void> {
    this.#connection = connection
    // Those of the connection before, if any, went with it.
    this.#leaving.clear()
    for (const subscription of this.#subscriptions) await this.#subscribe(subscription, connection)
  }

  /** The connection is gone, and with it whatever is not settled: the server delivers it again. */
  down(): void {
    this.#connection = null
    for (const subscription of this.#subscriptions) {
      subscription.subscribed = null
      subscription.waiting = []
      if (subscription.ended) this.#subscriptions.delete(subscription)
    }
  }

  /** Closes the channels: acknowledgements before it arrive, and what is not settled goes back to the server. */
  async close(): Promise<void> {
    const channels = [...this.#subscriptions].flatMap(({ subscribed }) => subscribed?.channel ?? [])
    this.down()
    for (const channel of channels) this.#leave(channel)
    await Promise.all(this.#leaving)
  }

  #leave(channel: Channel): void {
    const left = channel
      .close()
      .catch(ignore)
      .finally(() => this.#leaving.delete(left))
    this.#leaving.add(left)
  }

  #trySubscribe(subscription: Subscription, connection: ChannelModel): void {
    this.#subscribe(subscription, connection).catch((error: unknown) => {
      if (this.#connection === connection) this.#options.onBroken(asError(error))
    })
  }

  async #subscribe(subscription: Subscription, connection: ChannelModel): Promise<void> {
    const { topology, prefetch, onBroken } = this.#options
    const channel = await connection.createChannel()
    const subscribed: Subscribed = { channel, tags: [], unsettled: 0 }
    const broken = (reason: Error) => {
      if (subscription.subscribed === subscribed) onBroken(reason)
    }
    channel.on("error", broken)
    channel.on("close", () => broken(new Error("the server has closed the channel")))
    await channel.prefetch(prefetch)
    await topology.declare(channel, subscription.events)
    if (this.#connection !== connection) return
    subscription.subscribed = subscribed
    for (const event of subscription.events) {
      if (subscription.ended) break
      const onMessage = (message: ConsumeMessage | null) => {
        if (message === null) broken(new Error(`the queue ${topology.queueOf(event)} was deleted`))
        else this.#arrived(subscription, subscribed, event, message)
      }
      subscribed.tags.push((await channel.consume(topology.queueOf(event), onMessage)).consumerTag)
    }
    if (!subscription.ended) return
    await this.#cancel(subscribed)
    this.#closeWhenSettled(subscription)
  }

  #arrived(subscription: Subscription, subscribed: Subscribed, event: string, message: ConsumeMessage): void {
    subscribed.unsettled += 1
    const delivery = new AmqpDelivery(event, message, {
      channel: () => (subscription.subscribed === subscribed ? subscribed.channel : null),
      reply: this.#options.reply,
      redeliveries: this.#redeliveries,
      clock: this.#options.clock,
      log: this.#options.log,
      onPoison: this.#options.onPoison,
      onSettled: () => {
        subscribed.unsettled -= 1
        if (subscription.ended) this.#closeWhenSettled(subscription)
      },
    })
    if (subscription.ended) return delivery.giveBack()
    subscription.waiting.push(delivery)
    subscription.wake()
  }

  /** Nothing more is handed out. What waits goes back to the server at once; what is in hand can still be settled. */
  #end(subscription: Subscription): void {
    if (subscription.ended) return
    subscription.ended = true
    const { subscribed } = subscription
    for (const delivery of subscription.waiting.splice(0)) delivery.giveBack()
    if (subscribed === null) this.#subscriptions.delete(subscription)
    else void this.#cancel(subscribed).then(() => this.#closeWhenSettled(subscription), ignore)
    subscription.wake()
  }

  async #cancel({ channel, tags }: Subscribed): Promise<void> {
    for (const tag of tags.splice(0)) await channel.cancel(tag)
  }

  #closeWhenSettled(subscription: Subscription): void {
    const { subscribed } = subscription
    if (subscribed === null || subscribed.unsettled > 0 || subscribed.tags.length > 0) return
    this.#subscriptions.delete(subscription)
    subscription.subscribed = null
    this.#leave(subscribed.channel)
  }
}

function arrival(subscription: Subscription): Promise<void> {
  return new Promise((resolve) => {
    subscription.wake = resolve
  })
}

/** The connection is gone, and the subscription with it. */
const ignore = () => {}
