// The delivery contract of one shard: an event counts as received only when the broker has confirmed it. A bounded window
// of unconfirmed publishes, in order; the confirmed prefix of it is the sequence that a restart resumes from.
//
//   decoder (backlog) ──flush──▶ window: [batch][batch][batch] ──confirm──▶ acknowledged(session, sequence)
//
// While the window is full, events wait in the decoder. When that lasts too long, or they grow too many, the shard is
// told to close its connection resumably: Discord holds the events until the broker is back.

import type { Broker } from "../brokers/broker.ts"
import { RECORD_INTS } from "../codec/batch.ts"
import type { Decoder } from "../codec/decoder.ts"
import { GATEWAY_GAP } from "../discord/events.ts"
import type { Clock } from "../flow/clock.ts"
import { BufferPool } from "./buffer-pool.ts"

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

/** Frames after which events are published without waiting for the end of the tick. */
const FLUSH_FRAMES = 64
/** Frame bytes (compressed) after which they are. */
const FLUSH_FRAME_BYTES = 256 * 1024

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
  readonly events: readonly string[]
  readonly decoder: Decoder
  readonly broker: Broker
  readonly clock: Clock
  /** Runs once after the frames that are already here: `setImmediate`. */
  readonly soon: (run: () => void) => void
  readonly limits: DeliveryLimits
  readonly on: DeliveryEvents
}

/** One publish, or one mark, that waits for its confirm. */
interface Entry {
  readonly events: number
  readonly bytes: number
  confirmed: boolean
  readonly done: () => void
}

export class Delivery {
  readonly #options: DeliveryOptions
  readonly #pool = new BufferPool()
  #window: Entry[] = []
  #windowEvents = 0
  #windowBytes = 0
  #session: DeliverySession | null = null
  #handedOver = 0
  #frames = 0
  #frameBytes = 0
  #firstFrameMs = 0
  #scheduled = false
  #stall: { readonly cancel: () => void; held: boolean } | null = null
  #whenDrained: (() => void)[] = []
  #over = false

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  get windowEvents(): number {
    return this.#windowEvents
  }

  get windowBytes(): number {
    return this.#windowBytes
  }

  /** Events decoded from now on belong to this session, of which everything up to `sequence` was handed over before. */
  begin(session: DeliverySession, sequence: number): void {
    this.#session = session
    this.#handedOver = sequence
  }

  /** Called after each frame that was decoded. */
  received(frameBytes: number): void {
    if (this.#frames === 0) this.#firstFrameMs = this.#options.clock.nowMs()
    this.#frames += 1
    this.#frameBytes += frameBytes
    if (this.#frames >= FLUSH_FRAMES || this.#frameBytes >= FLUSH_FRAME_BYTES) this.flush()
    else if (!this.#scheduled) {
      this.#scheduled = true
      this.#options.soon(this.#onSoon)
    }
  }

  /** Publishes what waits in the decoder, unless the window is full. */
  flush(): void {
    if (this.#isFull()) this.#onFull()
    else this.#publish()
  }

  /** The connection is gone: what was decoded is published whatever the window says, before another session begins. */
  flushAll(): void {
    this.#publish()
  }

  /** Tells consumers, after everything before it, that events after `lastSequence` of a session are lost. */
  announceGap(sessionId: string, lastSequence: number): void {
    const { shard, broker, on } = this.#options
    const data = { shard, session_id: sessionId, last_seq: lastSequence }
    const entry = this.#enter(1, 0, () => on.gapAnnounced())
    this.#session = null
    this.#settle(broker.announce(GATEWAY_GAP, data), entry)
  }

  /** Resolves once nothing waits for a confirm, or the broker is over. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#window.length === 0 || this.#over) resolve()
      else this.#whenDrained.push(resolve)
    })
  }

  readonly #onSoon = (): void => {
    this.#scheduled = false
    if (this.#frames > 0) this.flush()
  }

  #isFull(): boolean {
    const { windowEvents, windowBytes } = this.#options.limits
    return this.#windowEvents >= windowEvents || this.#windowBytes >= windowBytes
  }

  #publish(): void {
    this.#frames = 0
    this.#frameBytes = 0
    const session = this.#session
    if (session === null || this.#over) return
    const { decoder, broker, shard, events, on } = this.#options
    const sequence = decoder.lastSequence()
    const bytesWaiting = decoder.pendingBytes()
    const acknowledge = () => on.acknowledged(session, sequence)
    if (bytesWaiting === 0) {
      // Dispatches that nobody asked for: nothing to confirm, but they need no replay either.
      if (sequence > this.#handedOver) this.#mark(acknowledge)
      this.#handedOver = sequence
      return
    }
    const bytes = this.#pool.bytes(bytesWaiting)
    const records = this.#pool.records(decoder.pendingEvents() * RECORD_INTS)
    const count = decoder.take(bytes, records)
    this.#handedOver = sequence
    const firstFrameMs = this.#firstFrameMs
    const entry = this.#enter(count, bytesWaiting, () => {
      this.#pool.give(bytes, records)
      on.confirmed(count, this.#options.clock.nowMs() - firstFrameMs)
      acknowledge()
    })
    const batch = { shard, sessionId: session.id, events, bytes: bytes.subarray(0, bytesWaiting), records, count }
    this.#settle(broker.publish(batch), entry)
  }

  /** A place in the window that holds nothing: done when everything before it is. */
  #mark(done: () => void): void {
    // A later mark says all that an earlier one would have, so that marks behind a stuck publish never pile up.
    const last = this.#window.at(-1)
    if (last?.confirmed === true && last.events === 0) this.#window.pop()
    this.#enter(0, 0, done).confirmed = true
    this.#advance()
  }

  #enter(events: number, bytes: number, done: () => void): Entry {
    const entry = { events, bytes, confirmed: false, done }
    this.#window.push(entry)
    this.#windowEvents += events
    this.#windowBytes += bytes
    return entry
  }

  #settle(published: Promise<void>, entry: Entry): void {
    published.then(
      () => {
        entry.confirmed = true
        this.#advance()
      },
      () => {
        // The broker is over. What it did not confirm stays unacknowledged, and Discord replays it after a restart.
        this.#over = true
        this.#wake()
      },
    )
  }

  /** Acknowledges the confirmed prefix. */
  #advance(): void {
    let confirmed = 0
    for (const entry of this.#window) {
      if (!entry.confirmed) break
      confirmed += 1
      this.#windowEvents -= entry.events
      this.#windowBytes -= entry.bytes
    }
    if (confirmed === 0) return
    const done = this.#window.splice(0, confirmed)
    for (const entry of done) entry.done()
    if (this.#stall !== null && !this.#isFull()) this.#onRoom(this.#stall)
    if (this.#window.length === 0) this.#wake()
  }

  #wake(): void {
    const waiting = this.#whenDrained
    this.#whenDrained = []
    for (const resolve of waiting) resolve()
  }

  #onFull(): void {
    const { clock, limits, decoder } = this.#options
    this.#stall ??= { cancel: clock.after(limits.stallMs, () => this.#onStalled()), held: false }
    if (decoder.pendingBytes() > limits.backlogBytes) this.#onStalled()
  }

  #onStalled(): void {
    if (this.#stall === null || this.#stall.held) return
    this.#stall.cancel()
    this.#stall.held = true
    this.#options.on.stalled()
  }

  #onRoom(stall: { readonly cancel: () => void; readonly held: boolean }): void {
    // Held: back only when half the window is free, lest the connection comes and goes with every batch.
    if (stall.held && this.#windowEvents > this.#options.limits.windowEvents / 2) return
    if (stall.held && this.#windowBytes > this.#options.limits.windowBytes / 2) return
    stall.cancel()
    this.#stall = null
    this.flush()
    if (stall.held) this.#options.on.drained()
  }
}
