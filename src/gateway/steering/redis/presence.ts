// A process that is to be seen and steered through Redis: writes its report every 2 s, and obeys the orders that come for it.

import type { Client } from "../../../brokers/redis/clients.ts"
import type { Clock } from "../../../flow/clock.ts"
import type { Logger } from "../../../ops/log.ts"
import type { OrderResult, SteeredNode } from "../node.ts"
import { type OrderAnswer, readSentOrder } from "../wire.ts"
import { REPORT_LASTS_MS, REPORT_MS, steeringKeys } from "./keys.ts"

/** Orders that are being carried out at a time; more are refused. */
const MAX_ORDERS = 64

export interface PresenceOptions {
  readonly node: SteeredNode
  readonly commands: Client
  /** A connection that only listens. */
  readonly subscriber: Client
  readonly prefix: string
  readonly clock: Clock
  readonly log: Logger
}

export interface Presence {
  /** Takes the report away, and obeys no more. */
  close(): Promise<void>
}

export function announcePresence(options: PresenceOptions): Presence {
  const { node, commands, subscriber, prefix, clock, log } = options
  const keys = steeringKeys(prefix)
  const channel = keys.ordersOf(node.node)
  let isWriting = false
  let isClosed = false
  let isTold = false
  let cancelTimer = () => {}

  const report = async () => {
    cancelTimer()
    if (isClosed) return
    cancelTimer = clock.after(REPORT_MS, () => void report())
    // One at a time: while Redis is away, they must not pile up.
    if (isWriting) return
    isWriting = true
    try {
      await commands.set(keys.reportOf(node.node), JSON.stringify(node.report()), "PX", REPORT_LASTS_MS)
      await commands.sadd(keys.names, node.node)
      isTold = false
    } catch (error) {
      if (!isTold && !isClosed) log.warn({ err: error }, "the state of the shards could not be written to Redis")
      isTold = true
    }
    isWriting = false
  }

  const answer = async (id: string, what: OrderAnswer) => {
    try {
      await commands.publish(keys.answersOf(id), JSON.stringify(what))
    } catch (error) {
      log.warn({ err: error }, "an operator's order could not be answered")
    }
  }
  const orders = new Orders(node, log, async (id, what) => {
    // Whoever gave the order looks next.
    if (what.type === "done") await report()
    await answer(id, what)
  })
  subscriber.on("message", (where: string, text: string) => {
    if (where === channel && !isClosed) void orders.take(text)
  })
  subscriber.subscribe(channel).catch((error: unknown) => {
    if (!isClosed) log.warn({ err: error }, "orders for this process cannot be heard")
  })
  void report()
  return {
    async close() {
      isClosed = true
      cancelTimer()
      await commands.del(keys.reportOf(node.node))
      await commands.srem(keys.names, node.node)
    },
  }
}

class Orders {
  readonly #node: SteeredNode
  readonly #log: Logger
  readonly #answer: (id: string, answer: OrderAnswer) => Promise<void>
  #inHand = 0

  constructor(node: SteeredNode, log: Logger, answer: (id: string, answer: OrderAnswer) => Promise<void>) {
    this.#node = node
    this.#log = log
    this.#answer = answer
  }

  async take(text: string): Promise<void> {
    const sent = readSentOrder(text)
    if (sent === null) return this.#log.warn({}, "an order came that cannot be read: it is left alone")
    if (this.#inHand >= MAX_ORDERS) {
      return this.#answer(sent.id, refused(`Cannot take the order: ${MAX_ORDERS} others are being carried out.`))
    }
    this.#inHand += 1
    await this.#answer(sent.id, { type: "accepted" })
    this.#log.info({ order: sent.order }, "an operator ordered")
    const result = await this.#node.obey(sent.order).catch((error: unknown) => {
      this.#log.error({ err: error }, "an order could not be carried out")
      return refused(`Cannot carry the order out: ${String(error)}; see the log of ${this.#node.node}.`)
    })
    this.#inHand -= 1
    await this.#answer(sent.id, result)
  }
}

function refused(reason: string): OrderResult {
  return { type: "refused", reason }
}
