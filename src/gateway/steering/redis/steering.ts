// Steering over Redis: reads the reports of all processes, and sends orders to one of them.

import type { Client } from "../../../brokers/redis/clients.ts"
import type { Clock } from "../../../flow/clock.ts"
import { settlesWithin } from "../../../flow/deadline.ts"
import { OperatorError } from "../../../ops/operator-error.ts"
import type { NodeReport, Order, OrderResult } from "../node.ts"
import { type Steering, viewOf } from "../steering.ts"
import { readAnswer, readReport, type SentOrder } from "../wire.ts"
import { steeringKeys } from "./keys.ts"

/** A process that lives says at once that an order arrived. */
const ACCEPT_WITHIN_MS = 5_000
const REDIS_WITHIN_MS = 5_000
/** Draining a process of a thousand shards takes a while. */
export const OBEY_WITHIN_MS = 300_000

export interface RedisSteeringOptions {
  readonly commands: Client
  /** A connection that only listens. */
  readonly subscriber: Client
  readonly prefix: string
  readonly clock: Clock
  /** A new name for each order. */
  readonly newId: () => string
}

export function redisSteering({ commands, subscriber, prefix, clock, newId }: RedisSteeringOptions): Steering {
  const keys = steeringKeys(prefix)
  return {
    async view() {
      const names = await answered(clock, commands.smembers(keys.names))
      if (names.length === 0) return viewOf([])
      const texts = await answered(clock, commands.mget(names.map(keys.reportOf)))
      const gone = names.filter((_, index) => texts[index] == null)
      if (gone.length > 0) await answered(clock, commands.srem(keys.names, ...gone))
      const reports = texts.flatMap((text): readonly NodeReport[] => {
        const report = text === null ? null : readReport(text)
        return report === null ? [] : [report]
      })
      return viewOf(reports)
    },
    async order(node, order) {
      const id = newId()
      const channel = keys.answersOf(id)
      const answers = new Answers(clock, node, order)
      const onMessage = (where: string, text: string) => {
        if (where === channel) answers.take(text)
      }
      subscriber.on("message", onMessage)
      try {
        // The answer must not come before anybody listens.
        await answered(clock, subscriber.subscribe(channel))
        const sent: SentOrder = { id, order }
        await answered(clock, commands.publish(keys.ordersOf(node), JSON.stringify(sent)))
        return await answers.result()
      } finally {
        subscriber.off("message", onMessage)
        subscriber.unsubscribe(channel).catch(() => {})
      }
    },
  }
}

/** The clients wait for Redis without end; whoever looks at a terminal does not. */
async function answered<T>(clock: Clock, command: Promise<T>): Promise<T> {
  if (await settlesWithin(clock, REDIS_WITHIN_MS, command)) return command
  command.catch(() => {})
  throw new OperatorError(`Cannot reach the gateways: Redis has not answered for ${REDIS_WITHIN_MS / 1_000} s.`)
}

/** What comes back for one order: that it arrived, and then how it went. */
class Answers {
  readonly #clock: Clock
  readonly #node: string
  readonly #order: Order
  readonly #result = Promise.withResolvers<OrderResult>()
  #isAccepted = false

  constructor(clock: Clock, node: string, order: Order) {
    this.#clock = clock
    this.#node = node
    this.#order = order
  }

  take(text: string): void {
    const answer = readAnswer(text)
    if (answer?.type === "accepted") this.#isAccepted = true
    else if (answer !== null) this.#result.resolve(answer)
  }

  async result(): Promise<OrderResult> {
    const { type } = this.#order
    const give = (reason: string) => this.#result.resolve({ type: "refused", reason })
    const cancelAccept = this.#clock.after(ACCEPT_WITHIN_MS, () => {
      if (this.#isAccepted) return
      give(`Cannot ${type}: ${this.#node} does not answer; it may have ended, or hang. See spectacles shards.`)
    })
    const cancelObey = this.#clock.after(OBEY_WITHIN_MS, () =>
      give(`The ${type} is not done after ${OBEY_WITHIN_MS / 60_000} minutes and goes on; see spectacles shards.`),
    )
    try {
      return await this.#result.promise
    } finally {
      cancelAccept()
      cancelObey()
    }
  }
}
