// A broker for the simulation: confirms after a while, stalls when told to, and outlives the gateways that use it.

import type { Broker } from "../../../src/brokers/broker.ts"
import type { FakeClock } from "../../fixtures/fake-clock.ts"
import { linesOf } from "./model-decoder.ts"
import type { Random } from "./random.ts"

export interface Gap {
  readonly shard: number
  readonly session_id: string
  readonly last_seq: number
}

export class ModelBroker {
  /** Every event as it was published, `session:sequence`, duplicates included. */
  readonly published: string[] = []
  readonly gaps: Gap[] = []
  #stalledUntilMs = 0
  readonly #clock: FakeClock
  readonly #random: Random

  constructor(clock: FakeClock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  stall(forMs: number): void {
    this.#stalledUntilMs = this.#clock.nowMs() + forMs
  }

  /** The broker as one gateway sees it; `alive` turns false when that gateway crashes. */
  session(alive: () => boolean): Broker {
    let tail = Promise.resolve()
    const inOrder = (apply: () => void) => {
      const before = tail
      tail = (async () => {
        await before
        await this.#delay(alive)
        apply()
      })()
      return tail
    }
    return {
      ended: new Promise(() => {}),
      encoding: { body: "json", framing: { type: "bare" } },
      publish: ({ bytes }) => {
        const lines = linesOf(bytes)
        return inOrder(() => this.published.push(...lines))
      },
      announce: (_event, data) => inOrder(() => this.gaps.push(data as Gap)),
      async *consume() {},
      call: () => Promise.reject(new Error("not simulated")),
      close: async () => {},
    }
  }

  /** Resolves when the publish has reached the broker. Never, when the gateway crashed before. */
  #delay(alive: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const wait = () => {
        if (!alive()) return
        const stalledMs = this.#stalledUntilMs - this.#clock.nowMs()
        if (stalledMs > 0) this.#clock.after(stalledMs, wait)
        else resolve()
      }
      this.#clock.after(this.#random.between(0, 20), wait)
    })
  }
}
