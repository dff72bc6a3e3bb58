// What of a shard's events is published while the bot is resharded, between the decoder and the broker: guild by guild, as the
// pairs of shards have agreed. A shard that takes no part has no gate, and its events pass unread.
//
// Every event that passes is read, for its guild and its key, from the time on that the shard's guilds may change hands until
// nothing of it can come again under another id. That is the slow path; before and after, events pass unread here too.

import type { EventBatch } from "../../codec/batch.ts"
import type { Encoding } from "../../codec/encoding.ts"
import type { Clock } from "../../flow/clock.ts"
import type { Digest } from "./align.ts"
import type { PairChange, SessionPlace, Side } from "./change.ts"
import { eventKey, SESSION_EVENTS } from "./event-key.ts"
import { EventReader } from "./event-reader.ts"
import type { ChangesByOther } from "./exchange.ts"
import type { HandOverTimes } from "./hand-over.ts"
import { type HeldEvent, recordAt, recordsOf } from "./held-event.ts"
import { PairGate, type PairTaking } from "./pair-gate.ts"
import { sharersOf } from "./pairs.ts"
import { Streams } from "./stream-of.ts"

export interface GuildGateOptions {
  readonly side: Side
  readonly shard: number
  /** Of its own set, and of the other one. */
  readonly count: number
  readonly others: number
  readonly encoding: Encoding
  readonly times: HandOverTimes
  /** What was stored before this shard read its first event here. */
  readonly changes: ChangesByOther
  readonly clock: Clock
}

interface PassingEvent {
  readonly name: string
  readonly record: ReturnType<typeof recordAt>
  readonly bytes: Uint8Array
}

export class GuildGate {
  readonly #options: GuildGateOptions
  readonly #reader: EventReader
  readonly #streams: Streams
  /** One for each shard of the other set that shares guilds with this one. */
  readonly #pairs: ReadonlyMap<number, PairGate>
  #onReleased: (events: readonly HeldEvent[]) => void = () => {}
  #session: SessionPlace | null = null
  #isLive = false
  #isSilent: boolean
  /** Guilds that READY has named, whose first GUILD_CREATE only says what they are. */
  #named = new Set<string>()

  constructor(options: GuildGateOptions) {
    const { side, shard, count, others, encoding, times, changes } = options
    this.#options = options
    this.#reader = new EventReader(encoding, shard)
    this.#streams = new Streams(shard, count, others)
    const sharers = sharersOf(shard, count, others)
    const nowMs = options.clock.nowMs()
    this.#pairs = new Map(sharers.map((other) => [other, new PairGate(side, changes.get(other) ?? [], times, nowMs)]))
    this.#isSilent = this.#areSilent()
  }

  /** The shards of the other set that share guilds with this one. */
  get others(): readonly number[] {
    return [...this.#pairs.keys()]
  }

  /** What came since it is not known whose events they are. */
  get waiting(): { readonly events: number; readonly bytes: number } {
    let events = 0
    let bytes = 0
    for (const { waiting } of this.#pairs.values()) {
      events += waiting.events
      bytes += waiting.bytes
    }
    return { events, bytes }
  }

  /** Told what was held back and is to be published after all, in order, before anything that comes later. */
  onReleased(listener: (events: readonly HeldEvent[]) => void): void {
    this.#onReleased = listener
  }

  /** What passes from now on belongs to this session. */
  begin(sessionId: string, sequence: number): void {
    const isOther = this.#session !== null && this.#session.sessionId !== sessionId
    this.#session = { sessionId, sequence }
    if (isOther) for (const pair of this.#pairs.values()) pair.forgetSession(this.#knowsFromMs)
  }

  /** Of a new session. */
  ready(guildIds: readonly string[]): void {
    this.#named = new Set(this.#passesUnread(1) ? [] : guildIds)
  }

  /** Connected, and nothing is replayed any more. */
  live(isLive: boolean): void {
    this.#isLive = isLive
    for (const pair of this.#pairs.values()) pair.knowsFrom(this.#knowsFromMs)
  }

  /** The shard does not run here any more: whoever runs it gets again what is held back, and has a gate of its own. */
  close(): void {
    this.#onReleased = () => {}
    this.live(false)
  }

  /** Events came late: from now on they do not. */
  late(): void {
    this.live(this.#isLive)
  }

  /** What of a batch is to be published now, with keys. Null: nothing. */
  pass(batch: EventBatch): EventBatch | null {
    if (batch.count === 0) return null
    if (this.#passesUnread(recordAt(batch, 0).sequence)) return batch
    const kept: number[] = []
    const keys: (string | null)[] = []
    for (let index = 0; index < batch.count; index += 1) {
      const record = recordAt(batch, index)
      const name = batch.events[record.event] ?? ""
      const bytes = batch.bytes.subarray(record.offset, record.offset + record.length)
      if (SESSION_EVENTS.has(name)) keys.push(null)
      else if (this.#isSilent) continue
      else {
        const key = this.#passOne({ name, record, bytes }, batch.sessionId)
        if (key === undefined) continue
        keys.push(key)
      }
      kept.push(index)
    }
    if (kept.length === 0) return null
    return kept.length === batch.count ? { ...batch, keys } : { ...recordsOf(batch, kept), keys }
  }

  /** Everything of the session up to `sequence` has passed. */
  passed(sequence: number): void {
    if (this.#session !== null) this.#session = { ...this.#session, sequence }
  }

  get sessionId(): string | null {
    return this.#session?.sessionId ?? null
  }

  /** Up to which sequence the session's events count as received once what has passed is confirmed. */
  get received(): number {
    if (this.#session === null) return 0
    const { sessionId, sequence } = this.#session
    const nowMs = this.#options.clock.nowMs()
    let upTo = sequence
    for (const pair of this.#pairs.values()) {
      const heldFrom = pair.heldFrom(sessionId, nowMs)
      if (heldFrom !== null) upTo = Math.min(upTo, heldFrom - 1)
    }
    return upTo
  }

  /** Whether consumers lack anything when events after `sequence` are lost with their session. */
  mayLose(sessionId: string, sequence: number): boolean {
    return [...this.#pairs.values()].some((pair) => pair.mayLose(sessionId, sequence))
  }

  /** Whether this side publishes what comes from now on of a pair. */
  isPublisher(other: number): boolean {
    return this.#pairs.get(other)?.isPublisher ?? false
  }

  /** What is known here to be stored. */
  changes(other: number): readonly PairChange[] {
    return this.#pairs.get(other)?.changes ?? []
  }

  mode(other: number): PairGate["mode"] {
    return this.#pairs.get(other)?.mode ?? "plain"
  }

  /** Whether it has remembered, or held back, for long enough to change hands. */
  isReady(other: number): boolean {
    return this.#isLive && (this.#pairs.get(other)?.isReady(this.#options.clock.nowMs()) ?? false)
  }

  /** The publishing side remembers what it publishes. */
  remember(other: number): void {
    this.#pairs.get(other)?.remember(this.#knowsFromMs)
  }

  /** The other side holds its events back. */
  hold(other: number): void {
    // Nobody has looked which guilds were told of. Any that are left are so old when it counts that they do not matter.
    if (this.#isSilent) this.#named.clear()
    this.#pairs.get(other)?.beginHolding(this.#knowsFromMs)
    this.#isSilent = this.#areSilent()
  }

  /** The guilds of the pair are not to change hands after all, as far as this side knows. */
  forget(other: number, what: "remembering" | "holding"): void {
    this.#pairs.get(other)?.forget(what)
    this.#isSilent = this.#areSilent()
  }

  /** From its place on, the events of the pair are held back. Null: it cannot tell what came last. */
  offer(
    other: number,
  ): { readonly place: SessionPlace; readonly tails: ReadonlyMap<string, readonly Digest[]> } | null {
    if (this.#session === null || !this.isReady(other)) return null
    const tails = this.#pairs.get(other)?.offer(this.#options.clock.nowMs()) ?? null
    return tails === null ? null : { place: this.#session, tails }
  }

  /** The offer was not taken. */
  withdrawn(other: number): void {
    this.#onReleased(this.#pairs.get(other)?.withdrawn(this.#options.clock.nowMs()) ?? [])
  }

  /** Where this side takes the pair over; from then on it waits for `changed` or `refused`. */
  take(
    other: number,
    tails: ReadonlyMap<string, readonly Digest[]>,
    isForced: boolean,
  ): (PairTaking & { readonly place: SessionPlace }) | null {
    const pair = this.#pairs.get(other)
    if (pair === undefined || this.#session === null || !this.#isLive) return null
    return { ...pair.take(tails, this.#options.clock.nowMs(), isForced), place: this.#session }
  }

  /** What was to be stored was not. */
  refused(other: number): void {
    this.#pairs.get(other)?.refused(this.#session?.sessionId ?? "", this.#options.clock.nowMs())
  }

  /** These changes are stored. Those that are known already change nothing. */
  changed(other: number, changes: readonly PairChange[]): void {
    const pair = this.#pairs.get(other)
    if (pair === undefined || changes.length <= pair.changes.length) return
    const released = pair.changed(changes, this.#options.clock.nowMs())
    this.#isSilent = this.#areSilent()
    this.#onReleased(released)
  }

  /** One more change is stored, unless it is known already. */
  changedOnce(other: number, change: PairChange): void {
    const known = this.changes(other)
    if (known.every(({ attempt }) => attempt !== change.attempt)) this.changed(other, [...known, change])
  }

  get #knowsFromMs(): number | null {
    return this.#isLive ? this.#options.clock.nowMs() : null
  }

  /** Whether all of the session's events from this one on are published as they are. */
  #passesUnread(sequence: number): boolean {
    const place = { sessionId: this.#session?.sessionId ?? "", sequence }
    const nowMs = this.#options.clock.nowMs()
    for (const pair of this.#pairs.values()) if (!pair.passesUnread(place, nowMs)) return false
    return true
  }

  #areSilent(): boolean {
    return [...this.#pairs.values()].every(({ isSilent }) => isSilent)
  }

  /** @returns the event's key where it is to be published now, undefined where it is not */
  #passOne({ name, record, bytes }: PassingEvent, sessionId: string): string | null | undefined {
    const data = this.#reader.data(name, bytes)
    const d = this.#reader.decode(data)
    const { stream, other } = this.#streams.of(name, d)
    const pair = this.#pairs.get(other)
    if (pair === undefined) return undefined
    const { sequence, event } = record
    const isOurs = pair.isOurs({ stream, sessionId, sequence })
    const isOpening = this.#isOpening(name, stream)
    if (isOpening && !isOurs) return undefined
    const key = eventKey(name, d)
    const atMs = this.#options.clock.nowMs()
    if (pair.holds(isOurs)) {
      const digest = this.#reader.digest(name, data)
      pair.hold({ sessionId, sequence, stream, digest, atMs, event, bytes: bytes.slice(), key })
      return undefined
    }
    if (!isOurs) return undefined
    if (pair.remembers && !isOpening) pair.published({ stream, digest: this.#reader.digest(name, data), atMs })
    return key
  }

  /** The GUILD_CREATE with which a new session begins: the other session has none beside it. */
  #isOpening(name: string, stream: string): boolean {
    return name === "GUILD_CREATE" && this.#named.delete(stream)
  }
}
