// The delivery contract of one shard: an event counts as received only when the broker has confirmed it. A bounded window
// of unconfirmed publishes, in order; the confirmed prefix of it is the sequence that a restart resumes from.
//
//   decoder (backlog) ──flush──▶ window: [batch][batch][batch] ──confirm──▶ acknowledged(session, sequence)
//
// While the window is full, events wait in the decoder. When that lasts too long, or they grow too many, the shard is
// told to close its connection resumably: Discord holds the events until the broker is back.

import type { EventBatch } from "../codec/batch.ts"
import { GATEWAY_GAP } from "../discord/events.ts"
import { BufferPool } from "./buffer-pool.ts"
import type { DeliveryOptions, DeliverySession } from "./delivery-options.ts"
import { GatedDelivery } from "./gated-delivery.ts"
import type { GuildGate } from "./reshard/guild-gate.ts"
import { isWhole, takeBatch } from "./take-batch.ts"

/** Frames after which events are published without waiting for the end of the tick. */
const FLUSH_FRAMES = 64
/** Frame bytes (compressed) after which they are. */
const FLUSH_FRAME_BYTES = 256 * 1024
/** With so many publishes unconfirmed the broker is busy: events then wait for a whole batch, which costs less for each. */
const BUSY_PUBLISHES = 8
const NOTHING = { events: 0, bytes: 0 } as const
/** Shared by all shards. */
const POOL = new BufferPool()

/** One publish, or one mark, that waits for its confirm. */
interface Entry {
  readonly events: number
  readonly bytes: number
  confirmed: boolean
  /** It says only how far all is confirmed: a later one makes it needless. */
  readonly isMark: boolean
  readonly done: () => void
}

export class Delivery {
  readonly #options: DeliveryOptions
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
  /** Only while the bot is resharded. */
  #gated: GatedDelivery | null = null

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
    this.#gated?.gate.begin(session.id, sequence)
  }

  /** From now on the gate decides what of the events is published. */
  attach(gate: GuildGate): void {
    const { slot, events, decoder } = this.#options
    this.flushAll()
    if (this.#session !== null) gate.begin(this.#session.id, decoder.lastSequence())
    this.#gated = new GatedDelivery({
      ...{ gate, slot, events, decoder },
      hand: (batch, firstMs, received) => this.#hand(batch, firstMs, received),
      onReleased: () => {
        if (this.#stall !== null && !this.#isFull()) this.#onRoom(this.#stall)
      },
    })
  }

  /** From now on everything is published. */
  detach(): void {
    this.flushAll()
    this.#gated = null
  }

  /** Whether events wait here that the window had no room for. */
  get isBehind(): boolean {
    return this.#options.decoder.pendingBytes() > 0
  }

  /** Resolves once everything that was handed over by now is confirmed. Never where the broker is over. */
  confirmed(): Promise<void> {
    return new Promise((resolve) => {
      this.#enter({ events: 0, bytes: 0, confirmed: true, isMark: false, done: resolve })
      this.#advance()
    })
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

  /** Publishes what waits in the decoder, unless the window is full; while the broker is busy, in whole batches only. */
  flush(): void {
    const { decoder } = this.#options
    do {
      if (this.#isFull()) return this.#onFull()
      const isBusy = this.#window.length >= BUSY_PUBLISHES && this.#gated === null
      if (isBusy && !isWhole(decoder)) return
      this.#publish()
    } while (this.#frames > 0)
  }

  /** The connection is gone: what was decoded is published whatever the window says, before another session begins. */
  flushAll(): void {
    do this.#publish()
    while (this.#frames > 0)
  }

  /** Tells consumers, after everything before it, that events after `lastSequence` of a session are lost. */
  announceGap(sessionId: string, lastSequence: number): void {
    const { shard, broker, on } = this.#options
    const done = () => on.gapAnnounced()
    this.#session = null
    const gate = this.#gated?.gate
    if (gate?.mayLose(sessionId, lastSequence) === false) {
      this.#enter({ events: 0, bytes: 0, confirmed: true, isMark: false, done })
      return this.#advance()
    }
    const data = {
      shard,
      session_id: sessionId,
      last_seq: gate?.sessionId === sessionId ? gate.received : lastSequence,
    }
    const entry = this.#enter({ events: 1, bytes: 0, confirmed: false, isMark: false, done })
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
    const waiting = this.#gated === null ? NOTHING : this.#gated.gate.waiting
    return this.#windowEvents + waiting.events >= windowEvents || this.#windowBytes + waiting.bytes >= windowBytes
  }

  /** One batch, or a mark where nothing waits. */
  #publish(): void {
    this.#frames = 0
    this.#frameBytes = 0
    const session = this.#session
    if (session === null || this.#over) return
    if (this.#gated !== null) return this.#publishThrough(this.#gated, session)
    const { decoder, broker, slot, events, on } = this.#options
    if (decoder.pendingBytes() === 0) {
      // Dispatches that nobody asked for: nothing to confirm, but they need no replay either.
      const sequence = decoder.lastSequence()
      if (sequence > this.#handedOver) this.#mark(() => on.acknowledged(session, sequence))
      this.#handedOver = sequence
      return
    }
    const { buffer, count, length, sequence } = takeBatch(decoder, POOL)
    this.#handedOver = sequence
    this.#frames = decoder.pendingEvents()
    const firstFrameMs = this.#firstFrameMs
    const done = () => {
      POOL.give(buffer)
      on.confirmed(count, this.#options.clock.nowMs() - firstFrameMs)
      on.acknowledged(session, sequence)
    }
    const entry = this.#enter({ events: count, bytes: length, confirmed: false, isMark: false, done })
    const { bytes, records } = buffer
    this.#settle(
      broker.publish({ slot, sessionId: session.id, events, bytes: bytes.subarray(0, length), records, count }),
      entry,
    )
  }

  /** While the bot is resharded: what is held back does not count as received. */
  #publishThrough(gated: GatedDelivery, session: DeliverySession): void {
    const { received, isHanded } = gated.publish(session.id, this.#firstFrameMs)
    if (!isHanded && received > this.#handedOver) this.#mark(() => this.#options.on.acknowledged(session, received))
    this.#handedOver = received
  }

  #hand(batch: EventBatch, firstMs: number, received: number | null): void {
    const { broker, clock, on } = this.#options
    const session = this.#session
    if (this.#over) return
    const done = () => {
      on.confirmed(batch.count, clock.nowMs() - firstMs)
      if (session !== null && received !== null) on.acknowledged(session, received)
    }
    const { count: events, bytes } = batch
    const entry = this.#enter({ events, bytes: bytes.length, confirmed: false, isMark: false, done })
    this.#settle(broker.publish(batch), entry)
  }

  /** A place in the window that holds nothing: done when everything before it is. */
  #mark(done: () => void): void {
    // A later mark says all that an earlier one would have, so that marks behind a stuck publish never pile up.
    const last = this.#window.at(-1)
    if (last?.isMark === true) this.#window.pop()
    this.#enter({ events: 0, bytes: 0, confirmed: true, isMark: true, done })
    this.#advance()
  }

  #enter(entry: Entry): Entry {
    this.#window.push(entry)
    this.#windowEvents += entry.events
    this.#windowBytes += entry.bytes
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
    else if (this.#frames > 0 && !this.#scheduled) this.flush()
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
