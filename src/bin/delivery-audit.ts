// Holds what the simulator dispatched against what the broker confirmed, event by event: how the demo knows that nothing
// was lost.

import type { Broker } from "../brokers/broker.ts"
import { RECORD_INTS, RecordField } from "../codec/batch.ts"
import type { Clock } from "../flow/clock.ts"
import type { Gateway } from "../gateway/gateway.ts"
import type { Progress } from "../ops/progress.ts"
import type { Simulator } from "../simulator/simulator.ts"

interface SessionAudit {
  /** Confirmed and not yet compared. Emptied by every check. */
  readonly confirmed: Set<number>
  highest: number
  checked: number
}

export interface DeliveryAuditOptions {
  readonly discord: Simulator
  readonly wanted: ReadonlySet<string>
  readonly clock: Clock
}

export class DeliveryAudit {
  confirmed = 0
  lost = 0
  readonly #options: DeliveryAuditOptions
  /** One for each session that the demo has had. */
  readonly #sessions = new Map<string, SessionAudit>()
  #publishMs = 0
  #batches = 0

  constructor(options: DeliveryAuditOptions) {
    this.#options = options
  }

  /** Mean time from handing a batch over to its confirm. */
  get latencyMs(): number | null {
    return this.#batches === 0 ? null : this.#publishMs / this.#batches
  }

  /** The same broker, with its confirms noted. */
  watch(broker: Broker): Broker {
    return {
      encoding: broker.encoding,
      ended: broker.ended,
      publish: async (batch) => {
        const { clock } = this.#options
        const startMs = clock.nowMs()
        await broker.publish(batch)
        this.#publishMs += clock.nowMs() - startMs
        this.#batches += 1
        for (let i = 0; i < batch.count; i += 1) this.#note(batch.sessionId, sequenceOf(batch.records, i))
      },
      announce: (event, data) => broker.announce(event, data),
      consume: (events, signal) => broker.consume(events, signal),
      call: (event, data, options) => broker.call(event, data, options),
      close: (options) => broker.close(options),
    }
  }

  /**
   * Events are confirmed in order: whatever was dispatched before the latest of them must be among them.
   * @returns how many were lost so far.
   */
  check(): number {
    const { discord, wanted } = this.#options
    for (const [id, session] of this.#sessions) {
      for (const { sequence, t } of discord.log(id, session.checked) ?? []) {
        if (sequence > session.highest) break
        if (wanted.has(t) && !session.confirmed.delete(sequence)) this.lost += 1
      }
      session.checked = session.highest
      session.confirmed.clear()
    }
    return this.lost
  }

  progress(service: Gateway): Progress {
    const { shards, ready } = service.counts
    return { shards, shardsReady: ready, events: this.confirmed, latencyMs: this.latencyMs }
  }

  #note(sessionId: string, sequence: number): void {
    const session = this.#sessions.get(sessionId) ?? { confirmed: new Set(), highest: 0, checked: 0 }
    this.#sessions.set(sessionId, session)
    session.confirmed.add(sequence)
    session.highest = Math.max(session.highest, sequence)
    this.confirmed += 1
  }
}

function sequenceOf(records: Int32Array, index: number): number {
  const at = index * RECORD_INTS
  const low = records[at + RecordField.sequenceLow] ?? 0
  const high = records[at + RecordField.sequenceHigh] ?? 0
  return high * 2 ** 32 + (low >>> 0)
}
