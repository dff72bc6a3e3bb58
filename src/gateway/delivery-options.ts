// What a shard's delivery is made of, what bounds it and what it tells.

import type { Broker } from "../brokers/broker.ts"
import type { Decoder } from "../codec/decoder.ts"
import type { Clock } from "../flow/clock.ts"

export interface DeliveryLimits {
  /** Unconfirmed events. */
  readonly windowEvents: number
  /** Unconfirmed bytes. */
  readonly windowBytes: number
  /** Bytes that may wait in the decoder while the window is full. */
  readonly backlogBytes: number
  /** How long the window may be full. */
  readonly stallMs: number
}

export const DEFAULT_DELIVERY_LIMITS: DeliveryLimits = {
  windowEvents: 8_192,
  windowBytes: 32 * 1024 * 1024,
  backlogBytes: 16 * 1024 * 1024,
  stallMs: 5_000,
}

export interface DeliverySession {
  readonly id: string
  readonly resumeUrl: string | null
  /** Unix milliseconds; null where nobody kept it. */
  readonly startedMs: number | null
}

export interface DeliveryEvents {
  /** Every event of the session up to `sequence` is confirmed. */
  readonly acknowledged: (session: DeliverySession, sequence: number) => void
  /** Consumers were told that this session is gone. */
  readonly gapAnnounced: () => void
  /** The window was full for too long: close the connection resumably. */
  readonly stalled: () => void
  /** After `stalled`: there is room again. */
  readonly drained: () => void
  /** `latencyMs`: from the first of these events' frames to the confirm. */
  readonly confirmed: (events: number, latencyMs: number) => void
}

export interface DeliveryOptions {
  readonly shard: number
  /** By which the broker knows whose events these are. */
  readonly slot: number
  readonly events: readonly string[]
  readonly decoder: Decoder
  readonly broker: Broker
  readonly clock: Clock
  /** Runs once after the frames that are already here: `setImmediate`. */
  readonly soon: (run: () => void) => void
  readonly limits: DeliveryLimits
  readonly on: DeliveryEvents
}
