// A shard's delivery while the bot is resharded: what leaves the decoder passes its gate, and what was held back comes out later.

import { type EventBatch, RECORD_INTS } from "../codec/batch.ts"
import type { Decoder } from "../codec/decoder.ts"
import type { GuildGate } from "./reshard/guild-gate.ts"
import { batchOfHeld, bySession, type HeldEvent } from "./reshard/held-event.ts"

export interface GatedDeliveryOptions {
  readonly gate: GuildGate
  readonly slot: number
  readonly events: readonly string[]
  readonly decoder: Decoder
  /** Publishes a batch. `received`: how far the session's events count as received once it is confirmed; null: says nothing. */
  readonly hand: (batch: EventBatch, firstMs: number, received: number | null) => void
  /** What was held back was published or dropped: there may be room again. */
  readonly onReleased: () => void
}

export class GatedDelivery {
  readonly gate: GuildGate
  readonly #options: GatedDeliveryOptions

  constructor(options: GatedDeliveryOptions) {
    const { gate } = options
    this.gate = gate
    this.#options = options
    gate.onReleased((events) => this.#release(events))
  }

  /**
   * Takes what waits in the decoder and publishes what the gate lets through.
   * @returns up to which sequence the events count as received, and whether a batch that was handed over says so
   */
  publish(sessionId: string, firstMs: number): { readonly received: number; readonly isHanded: boolean } {
    const { gate, decoder, slot, events, hand } = this.#options
    const sequence = decoder.lastSequence()
    const count = decoder.pendingEvents()
    const bytes = new Uint8Array(decoder.pendingBytes())
    const records = new Int32Array(count * RECORD_INTS)
    decoder.take(bytes, records)
    const passed = gate.pass({ slot, sessionId, events, bytes, records, count })
    gate.passed(sequence)
    const { received } = gate
    if (passed !== null) hand(passed, firstMs, received)
    return { received, isHanded: passed !== null }
  }

  #release(held: readonly HeldEvent[]): void {
    const { gate, slot, events, hand, onReleased } = this.#options
    for (const run of bySession(held)) {
      // What is late of a lost session must not be stored over the present one.
      const received = run[0]?.sessionId === gate.sessionId ? gate.received : null
      // By the time that the first event came: the delay is what it was held back for.
      hand(batchOfHeld(run, { slot, events }), run[0]?.atMs ?? 0, received)
    }
    onReleased()
  }
}
