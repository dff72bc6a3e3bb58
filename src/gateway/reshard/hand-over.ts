// One guild between two sessions. One publishes it and remembers what it published last; the other holds its events back. To
// change hands, the first holds its further events back too and tells what came last before; the other finds that place in
// its own events, and goes on from there. What each had when it changed is stored as a `Change`, and from then on says for every
// event, also for one that is replayed after a crash, which of the two publishes it.
//
//   publishes:  a b c d │                     tells      b c d
//   holds back:   b c d e f    take(b c d) ─▶ publishes  e f …
//
// When the other cannot tell the place in time, nothing is stored, and the first goes on with what it held back meanwhile.

import { align, type Digest } from "./align.ts"
import { RecentEvents } from "./recent-events.ts"

/** By how much one session may be later than the other with the same event. */
export const SKEW_MS = 10_000
/** How long the publishing side holds back until it goes on. */
export const ATTEMPT_MS = 10_000
/**
 * How long a side remembers what it published. Longer than that ago, the other side had it more than SKEW_MS before the change,
 * however long an attempt takes; nothing that comes later can have come there so early.
 */
export const TAIL_MS = 2 * SKEW_MS + ATTEMPT_MS
/** Where nothing was published in that time, all that came within this is new. */
const NEW_MS = SKEW_MS + ATTEMPT_MS
/** How long a side holds back: all of the other's tail came here within it. */
export const HOLD_MS = TAIL_MS + SKEW_MS + ATTEMPT_MS
/** Events of a guild that are remembered or held back, at most. */
export const MOST_EVENTS = 512

/** So many different events do not agree by chance. Fewer do not count where the window is not whole. */
const LEAST_AGREED = 32

export type Side = "old" | "new"

/** What each session had of the guild when it changed hands. */
export interface Change {
  readonly to: Side
  /** Everything up to it belongs to before the change. */
  readonly oldSequence: number
  readonly newSequence: number
}

/**
 * Whether a session publishes an event of the guild, by the event's sequence.
 * @param changes of the two sessions, oldest first
 */
export function publishes(side: Side, sequence: number, changes: readonly Change[]): boolean {
  let publisher: Side = "old"
  for (const { to, oldSequence, newSequence } of changes) {
    if (sequence <= (side === "old" ? oldSequence : newSequence)) break
    publisher = to
  }
  return publisher === side
}

/** What the publishing side remembers. */
export class Published {
  readonly #recent: RecentEvents<{ readonly digest: Digest; readonly atMs: number }>

  /** @param nowMs it does not know what was published before */
  constructor(nowMs: number) {
    this.#recent = new RecentEvents({ lastMs: TAIL_MS, most: MOST_EVENTS, nowMs })
  }

  add(digest: Digest, atMs: number): void {
    this.#recent.add({ digest, atMs })
  }

  /** What was published last, in order; null where that is not known for long enough. */
  tail(nowMs: number): readonly Digest[] | null {
    const tail = this.#recent.at(nowMs).map(({ digest }) => digest)
    return tail.length > 0 || this.#recent.isComplete(nowMs) ? tail : null
  }
}

export interface HeldEvent {
  readonly digest: Digest
  readonly atMs: number
  /** Of its own session. */
  readonly sequence: number
}

/**
 * `taken`: what is to be published once the change is stored, and the last sequence before it. `later`: nothing was changed; more may
 * be known when more has come, or later. `nowhere`: the other side's events are not these.
 */
export type Taking<E> =
  | { readonly type: "taken"; readonly after: number; readonly events: readonly E[] }
  | { readonly type: "later" }
  | { readonly type: "nowhere" }

/** What a side holds back that does not publish. */
export class HeldBack<E extends HeldEvent> {
  readonly #recent: RecentEvents<E>
  /** Of the last event that came, held still or not. */
  #lastSequence: number

  /** @param lastSequence what came before, and is not held */
  constructor(nowMs: number, lastSequence: number) {
    this.#recent = new RecentEvents({ lastMs: HOLD_MS, most: MOST_EVENTS, nowMs })
    this.#lastSequence = lastSequence
  }

  add(event: E): void {
    this.#recent.add(event)
    this.#lastSequence = event.sequence
  }

  /** What must not count as received yet: a crash has to bring it again. Null when nothing is held. */
  get heldFrom(): number | null {
    return this.#recent.first()?.sequence ?? null
  }

  /** @param tail the publishing side's */
  take(tail: readonly Digest[], nowMs: number): Taking<E> {
    const held = this.#recent.at(nowMs)
    if (tail.length === 0) {
      if (!this.#recent.isComplete(nowMs)) return { type: "later" }
      return this.#takeFrom(held, held.filter(({ atMs }) => atMs <= nowMs - NEW_MS).length)
    }
    const digests = held.map(({ digest }) => digest)
    const alignment = align(tail, digests)
    const isWhole = this.#recent.isComplete(nowMs)
    if (alignment.type !== "found") return { type: alignment.type === "behind" || !isWhole ? "later" : "nowhere" }
    const { published, overlap } = alignment
    const agreed = new Set(digests.slice(published - overlap, published)).size
    return !isWhole && agreed < LEAST_AGREED ? { type: "later" } : this.#takeFrom(held, published)
  }

  /** Where the events of the two are not the same: takes all that is held. Some come twice then, none is left out. */
  takeAll(nowMs: number): Taking<E> {
    return this.#takeFrom(this.#recent.at(nowMs), 0)
  }

  #takeFrom(held: readonly E[], published: number): Taking<E> {
    const events = held.slice(published)
    const [first] = events
    return { type: "taken", events, after: first === undefined ? this.#lastSequence : first.sequence - 1 }
  }
}
