// One guild between two sessions. One publishes it and remembers what it published last; the other holds its events back.
// The point at which the guild changes hands is a sequence of the first: it publishes nothing after it. The other learns
// what came last before that point, finds the place in its own events, and goes on from there.
//
//   publishes:  a b c d │                     remembers  … b c d
//   holds back:   b c d e f    take(b c d) ─▶ publishes  e f …
//
// Held back is what came in the last HOLD_MS, no more: whatever is older the publisher had too. So a guild that was quiet
// needs no event to change hands at, and nothing is held for longer than that.

import { type Alignment, align, type Digest, MAX_WINDOW_EVENTS } from "./align.ts"

/** By how much one session may be later than the other. */
export const SKEW_MS = 15_000
/** How long events are held back, and remembered: twice the skew, so that the two windows meet. */
export const HOLD_MS = 2 * SKEW_MS

/** The events of the last HOLD_MS, and at most MAX_WINDOW_EVENTS of them. */
class RecentEvents<E extends { readonly atMs: number }> {
  #events: E[] = []
  /** Those before it have left the window. */
  #start = 0
  /** Of the last one that left for want of room. */
  #crowdedOutMs = Number.NEGATIVE_INFINITY

  add(event: E): void {
    this.#events.push(event)
    this.#forget(event.atMs)
    // In one go, now and then: events are not copied again and again.
    if (this.#start <= MAX_WINDOW_EVENTS) return
    this.#events = this.#events.slice(this.#start)
    this.#start = 0
  }

  first(): E | undefined {
    return this.#events[this.#start]
  }

  /** Oldest first. */
  at(nowMs: number): readonly E[] {
    this.#forget(nowMs)
    return this.#events.slice(this.#start)
  }

  /** Whether one is lacking that is still young enough. */
  isIncomplete(nowMs: number): boolean {
    return this.#crowdedOutMs > nowMs - HOLD_MS
  }

  #forget(nowMs: number): void {
    while (this.#start < this.#events.length - MAX_WINDOW_EVENTS) {
      this.#crowdedOutMs = this.#events[this.#start]?.atMs ?? this.#crowdedOutMs
      this.#start += 1
    }
    while ((this.#events[this.#start]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs - HOLD_MS) this.#start += 1
  }
}

/** What the publishing side remembers. */
export class Published {
  readonly #recent = new RecentEvents<{ readonly digest: Digest; readonly atMs: number }>()

  add(digest: Digest, atMs: number): void {
    this.#recent.add({ digest, atMs })
  }

  /** What was published last. From now on this side holds back. */
  tail(nowMs: number): readonly Digest[] {
    return this.#recent.at(nowMs).map(({ digest }) => digest)
  }
}

export interface HeldEvent {
  readonly digest: Digest
  readonly atMs: number
  /** Of its own session. */
  readonly sequence: number
}

/** What the other side holds back, until it takes over. */
export class HeldBack<E extends HeldEvent> {
  #held = new RecentEvents<E>()
  /** Published by the other side, and not seen here yet. */
  #awaited: readonly Digest[] = []
  #awaitedUntilMs = 0
  #hasTaken = false

  /** An event came. @returns what is to be published now */
  add(event: E): readonly E[] {
    if (!this.#hasTaken) {
      this.#held.add(event)
      return []
    }
    if (this.#awaited.length === 0 || event.atMs > this.#awaitedUntilMs) return [event]
    // In the same order: whatever is not the next one awaited was not published.
    if (event.digest !== this.#awaited[0]) {
      this.#awaited = []
      return [event]
    }
    this.#awaited = this.#awaited.slice(1)
    return []
  }

  /**
   * The first sequence that must not count as received while this side holds back: a crash now has to bring it again. Null
   * when nothing is held.
   */
  get heldFrom(): number | null {
    return this.#held.first()?.sequence ?? null
  }

  /**
   * Takes over after the other side's tail.
   * @returns what is to be published now, and how well the two met. Null: so much came that what is held does not reach back
   * to the tail. Nothing has changed then, and the other side goes on.
   */
  take(
    tail: readonly Digest[],
    nowMs: number,
  ): { readonly events: readonly E[]; readonly alignment: Alignment } | null {
    const held = this.#held.at(nowMs)
    const digests = held.map(({ digest }) => digest)
    const alignment = align(tail, digests)
    const isFound = alignment.isExact && tail.length > 0
    if (!isFound && this.#held.isIncomplete(nowMs)) return null
    this.#awaited = alignment.awaited
    this.#awaitedUntilMs = nowMs + SKEW_MS
    this.#hasTaken = true
    this.#held = new RecentEvents()
    return { events: held.slice(alignment.published), alignment }
  }
}
