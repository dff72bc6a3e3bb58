// One pair of shards, from the side of one of them: whether its events are published, held back or dropped.
//
//   plain ──remember──▶ remembering ──offer──▶ offering ──withdrawn──▶ remembering      (the side that publishes)
//                                                 └──────changed──▶ plain
//   plain ──hold──▶ holding ──take──▶ settling ──refused──▶ holding                      (the side that does not)
//                                        └──changed──▶ plain

import type { Digest } from "./align.ts"
import { type EventPlace, type PairChange, publisherOf, publishes, type SessionPlace, type Side } from "./change.ts"
import { type HandOverTimes, type Taking, take, takeAll } from "./hand-over.ts"
import type { HeldEvent } from "./held-event.ts"
import { RecentEvents } from "./recent-events.ts"

/** Of what a side holds back until it takes over, in the broker's encoding. More than that are 50 s of more than 1 MB. */
const MOST_HELD_BYTES = 64 * 1024 * 1024
/** Digests that a side remembers. */
const MOST_REMEMBERED = 131_072

/** So many times as long as it holds back, a side that has taken over reads and keys its events: others may know them too. */
const KEYED_HOLDS = 2

interface PublishedEvent {
  readonly stream: string
  readonly digest: Digest
  readonly atMs: number
}

type Mode =
  | { readonly type: "plain" }
  | { readonly type: "remembering"; readonly published: RecentEvents<PublishedEvent> }
  | { readonly type: "offering"; readonly published: RecentEvents<PublishedEvent>; readonly held: HeldEvent[] }
  | { readonly type: "holding"; readonly held: RecentEvents<HeldEvent> }
  /** `more` came since; nothing is forgotten until it is known whether the change was stored. */
  | { readonly type: "settling"; readonly held: RecentEvents<HeldEvent>; readonly more: HeldEvent[] }

const PLAIN: Mode = { type: "plain" }

/** Where each stream is taken over: the last sequence before. */
export type PairTaking =
  | { readonly type: "taken"; readonly streams: ReadonlyMap<string, number> }
  | { readonly type: "later" }
  | { readonly type: "nowhere" }

export class PairGate {
  readonly #side: Side
  readonly #times: HandOverTimes
  #changes: readonly PairChange[]
  #mode: Mode = PLAIN
  /** From then on nothing of this side can come again under another id. */
  #unreadFromMs: number
  /** Of what came since it is not known whose events they are. */
  #waiting = { events: 0, bytes: 0 }

  constructor(side: Side, changes: readonly PairChange[], times: HandOverTimes, nowMs: number) {
    this.#side = side
    this.#changes = changes
    this.#times = times
    this.#unreadFromMs = changes.length === 0 ? Number.NEGATIVE_INFINITY : nowMs + KEYED_HOLDS * times.holdMs
  }

  get mode(): Mode["type"] {
    return this.#mode.type
  }

  get changes(): readonly PairChange[] {
    return this.#changes
  }

  /** Whether this side publishes what comes from now on. */
  get isPublisher(): boolean {
    return publisherOf(this.#changes) === this.#side
  }

  /** Whether nothing of this pair is to be published or held, whatever comes. */
  get isSilent(): boolean {
    return this.#mode.type === "plain" && this.#side === "new" && this.#changes.every(({ to }) => to !== "new")
  }

  /** Whether everything from this event on is published as it is, needs no key, and no one asks what it was. */
  passesUnread({ sessionId, sequence }: SessionPlace, nowMs: number): boolean {
    if (this.#mode.type !== "plain" || !this.isPublisher || nowMs < this.#unreadFromMs) return false
    return this.#changes.every(({ [this.#side]: place }) => place.sessionId !== sessionId || place.sequence < sequence)
  }

  /** What came since it is not known whose events they are. */
  get waiting(): { readonly events: number; readonly bytes: number } {
    return this.#waiting
  }

  /** The first event of a session that is held back: it must not count as received. Null where none is. */
  heldFrom(sessionId: string, nowMs: number): number | null {
    const mode = this.#mode
    if (mode.type === "holding") {
      mode.held.forget(nowMs)
      return mode.held.first()?.sequence ?? null
    }
    return this.#kept.find((event) => event.sessionId === sessionId)?.sequence ?? null
  }

  isOurs(event: EventPlace): boolean {
    return publishes(this.#side, event, this.#changes)
  }

  /** Whether an event that is to be published, or not, is held back instead. */
  holds(isOurs: boolean): boolean {
    const { type } = this.#mode
    return type === "offering" ? isOurs : !isOurs && (type === "holding" || type === "settling")
  }

  hold(event: HeldEvent): void {
    const mode = this.#mode
    if (mode.type === "holding") return mode.held.add(event)
    if (mode.type === "offering") mode.held.push(event)
    else if (mode.type === "settling") mode.more.push(event)
    const { events, bytes } = this.#waiting
    this.#waiting = { events: events + 1, bytes: bytes + event.bytes.length }
  }

  get remembers(): boolean {
    return this.#mode.type === "remembering"
  }

  published(event: PublishedEvent): void {
    if (this.#mode.type === "remembering") this.#mode.published.add(event)
  }

  /** @param knowsFromMs null while the shard is not connected */
  remember(knowsFromMs: number | null): void {
    if (this.#mode.type !== "plain" || !this.isPublisher) return
    this.#unreadFromMs = Number.POSITIVE_INFINITY
    this.#mode = { type: "remembering", published: this.#newPublished(knowsFromMs) }
  }

  /** Nobody wants it any more. */
  forget(what: "remembering" | "holding"): void {
    if (this.#mode.type === what) this.#mode = PLAIN
  }

  /** @param knowsFromMs null while the shard is not connected */
  beginHolding(knowsFromMs: number | null): void {
    if (this.#mode.type !== "plain" || this.isPublisher) return
    this.#mode = { type: "holding", held: this.#newHeld(knowsFromMs) }
  }

  /** The connection came or went: events may be late that came before. */
  knowsFrom(nowMs: number | null): void {
    const mode = this.#mode
    if (mode.type === "remembering" || mode.type === "offering") mode.published.knowsFrom(nowMs)
    if (mode.type === "holding" || mode.type === "settling") mode.held.knowsFrom(nowMs)
  }

  /** Another session: what the last one held back and did not publish is lost to it. */
  forgetSession(nowMs: number | null): void {
    if (this.#mode.type === "holding") this.#mode = { type: "holding", held: this.#newHeld(nowMs) }
    if (this.#mode.type === "remembering") this.#mode = { type: "remembering", published: this.#newPublished(nowMs) }
  }

  /** Whether it has remembered, or held back, for long enough to change hands. */
  isReady(nowMs: number): boolean {
    if (this.#mode.type === "remembering") return this.#mode.published.isComplete(nowMs)
    return this.#mode.type === "holding" && this.#mode.held.isComplete(nowMs)
  }

  /** Publishes no more. @returns what was published last of each stream; null where it cannot tell */
  offer(nowMs: number): ReadonlyMap<string, readonly Digest[]> | null {
    if (this.#mode.type !== "remembering" || !this.isReady(nowMs)) return null
    const { published } = this.#mode
    this.#mode = { type: "offering", published, held: [] }
    return byStream(published.at(nowMs), ({ digest }) => digest)
  }

  /** @returns what is to be published after all */
  withdrawn(nowMs: number): readonly HeldEvent[] {
    if (this.#mode.type !== "offering") return []
    const { published, held } = this.#mode
    this.#into({ type: "remembering", published })
    for (const { stream, digest } of held) published.add({ stream, digest, atMs: nowMs })
    return held
  }

  /**
   * Finds where each stream is taken over; where that is found, everything is kept until the change is stored or refused.
   * @param isForced streams of which nobody can tell are taken so that some events come twice
   */
  take(tails: ReadonlyMap<string, readonly Digest[]>, nowMs: number, isForced: boolean): PairTaking {
    const mode = this.#mode
    if (mode.type !== "holding" || !mode.held.isComplete(nowMs)) return { type: "later" }
    const held = byStream(mode.held.at(nowMs), (event) => event)
    const streams = new Map<string, number>()
    let isLate = false
    for (const stream of new Set([...tails.keys(), ...held.keys()])) {
      const events = held.get(stream) ?? []
      const taking = this.#takeOne(tails.get(stream) ?? [], events, nowMs, isForced)
      if (taking.type === "nowhere") return taking
      if (taking.type === "later") isLate = true
      else if (events[taking.published] !== undefined) streams.set(stream, sequenceBefore(events, taking.published))
    }
    if (isLate) return { type: "later" }
    this.#mode = { type: "settling", held: mode.held, more: [] }
    return { type: "taken", streams }
  }

  /** The change was not stored. */
  refused(sessionId: string, nowMs: number): void {
    if (this.#mode.type !== "settling") return
    const { held, more } = this.#mode
    const all = this.#kept
    const isLost = (event: HeldEvent) => event.sessionId !== sessionId
    const next = all.some(isLost) ? this.#newHeld(nowMs) : held
    for (const event of next === held ? more : all) if (!isLost(event)) next.add(event)
    this.#into({ type: "holding", held: next })
  }

  /** @returns what is to be published now that these are the changes */
  changed(changes: readonly PairChange[], nowMs: number): readonly HeldEvent[] {
    if (changes.length <= this.#changes.length) return []
    this.#changes = changes
    this.#unreadFromMs = nowMs + KEYED_HOLDS * this.#times.holdMs
    const kept = this.#kept
    this.#into(PLAIN)
    return kept.filter((event) => this.isOurs(event))
  }

  /** Whether an event that came after this one, and is lost with its session, would have been published. */
  mayLose(sessionId: string, sequence: number): boolean {
    if (this.#mode.type === "offering" || this.#mode.type === "settling" || this.isPublisher) return true
    return this.#changes.some(({ to, [this.#side]: place }) => {
      return to !== this.#side && place.sessionId === sessionId && place.sequence > sequence
    })
  }

  get #kept(): readonly HeldEvent[] {
    const mode = this.#mode
    if (mode.type === "offering") return mode.held
    if (mode.type === "holding") return mode.held.all()
    return mode.type === "settling" ? [...mode.held.all(), ...mode.more] : []
  }

  #into(mode: Mode): void {
    this.#mode = mode
    this.#waiting = { events: 0, bytes: 0 }
  }

  #takeOne(tail: readonly Digest[], held: readonly HeldEvent[], nowMs: number, isForced: boolean): Taking {
    const taking = take(tail, held, nowMs, this.#times)
    return isForced && taking.type !== "taken" ? takeAll(held, nowMs, this.#times) : taking
  }

  #newPublished(nowMs: number | null): RecentEvents<PublishedEvent> {
    return new RecentEvents({ lastMs: this.#times.tailMs, mostWeight: MOST_REMEMBERED, weightOf: () => 1, nowMs })
  }

  #newHeld(nowMs: number | null): RecentEvents<HeldEvent> {
    const weightOf = ({ bytes }: HeldEvent) => bytes.length
    return new RecentEvents({ lastMs: this.#times.holdMs, mostWeight: MOST_HELD_BYTES, weightOf, nowMs })
  }
}

function sequenceBefore(events: readonly HeldEvent[], index: number): number {
  return (events[index]?.sequence ?? 1) - 1
}

function byStream<E extends { readonly stream: string }, T>(
  events: readonly E[],
  pick: (event: E) => T,
): ReadonlyMap<string, readonly T[]> {
  const streams = new Map<string, T[]>()
  for (const event of events) {
    const values = streams.get(event.stream)
    if (values === undefined) streams.set(event.stream, [pick(event)])
    else values.push(pick(event))
  }
  return streams
}
