// Reading from the hub as one member of a group.

import type { Body } from "../../codec/encoding.ts"
import { decodeBody, encodeBody } from "../body.ts"
import type { Delivery } from "../broker.ts"
import type { Entry, MemoryHub } from "./hub.ts"

/** Deliveries that a broker holds unacknowledged before it takes no more. */
export const MAX_UNACKNOWLEDGED = 1_000

export class MemoryConsumer {
  readonly #hub: MemoryHub
  readonly #group: string
  readonly #body: Body
  /** Taken and not acknowledged, oldest first. */
  readonly #held = new Set<Entry>()
  /** Wakes the loops that wait for an acknowledgement. */
  readonly #onRoom = new Set<() => void>()
  /** Which event is asked first, so that a busy one cannot starve the others. */
  #turn = 0

  constructor(hub: MemoryHub, group: string, body: Body) {
    this.#hub = hub
    this.#group = group
    this.#body = body
  }

  /** What arrives for the events until `stop` aborts. */
  async *deliveries(events: readonly string[], stop: AbortSignal): AsyncGenerator<Delivery> {
    while (!stop.aborted) {
      const entry = this.#held.size < MAX_UNACKNOWLEDGED ? this.#take(events) : undefined
      if (entry === undefined) await this.#change(events, stop)
      else yield this.#delivery(entry)
    }
  }

  /** Gives back everything that was not acknowledged, for others of the group. */
  giveBack(): void {
    const entries = [...this.#held]
    this.#held.clear()
    this.#hub.giveBack(entries, this.#group)
  }

  #take(events: readonly string[]): Entry | undefined {
    this.#turn += 1
    for (let index = 0; index < events.length; index += 1) {
      const event = events[(this.#turn + index) % events.length]
      const entry = event === undefined ? undefined : this.#hub.take(event, this.#group)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  #change(events: readonly string[], stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        unwatch()
        this.#onRoom.delete(done)
        stop.removeEventListener("abort", done)
        resolve()
      }
      const unwatch = this.#hub.watch(events, done)
      this.#onRoom.add(done)
      stop.addEventListener("abort", done)
    })
  }

  #delivery(entry: Entry): Delivery {
    this.#held.add(entry)
    return {
      event: entry.event,
      data: () => decodeBody(entry.body),
      ack: async () => {
        this.#release(entry)
      },
      nack: async () => {
        if (this.#release(entry)) this.#hub.giveBack([entry], this.#group)
      },
      reply: async (data) => entry.reply?.(encodeBody(this.#body, data)),
    }
  }

  /** False when the entry was acknowledged or given back before. */
  #release(entry: Entry): boolean {
    const held = this.#held.delete(entry)
    for (const wake of this.#onRoom) wake()
    return held
  }
}
