// One guild between two sessions. One publishes it and remembers what it published last; the other holds its events back. To
// change hands, the first holds its further events back too and tells what came last before; the other finds that place in
// its own events, and goes on from there. What each had when it changed is stored (change.ts).
//
//   publishes:  a b c d │                     tells      b c d
//   holds back:   b c d e f    take(b c d) ─▶ publishes  e f …
//
// When the other cannot tell the place in time, nothing is stored, and the first goes on with what it held back meanwhile.

import { align, type Digest } from "./align.ts"

/** By how much one session may be later than the other with the same event. Every other time follows from it. */
export const SKEW_MS = 10_000

export interface HandOverTimes {
  readonly skewMs: number
  /** How long the publishing side holds back until it goes on. */
  readonly attemptMs: number
  /**
   * How long a side remembers what it published. Longer than that ago, the other side had it more than `skewMs` before the change,
   * however long an attempt takes; nothing that comes later can have come there so early.
   */
  readonly tailMs: number
  /** Where nothing was published in `tailMs`, all that came within this is new. */
  readonly newMs: number
  /** How long a side holds back: all of the other's tail came here within it. */
  readonly holdMs: number
}

export function timesOf(skewMs: number): HandOverTimes {
  const attemptMs = skewMs
  const tailMs = 2 * skewMs + attemptMs
  return { skewMs, attemptMs, tailMs, newMs: skewMs + attemptMs, holdMs: tailMs + skewMs + attemptMs }
}

export interface HeldDigest {
  readonly digest: Digest
  readonly atMs: number
}

/**
 * `taken`: so many of the first that are held were published by the other side. `later`: some that it published have not come
 * yet. `nowhere`: its events are not these.
 */
export type Taking =
  | { readonly type: "taken"; readonly published: number }
  | { readonly type: "later" }
  | { readonly type: "nowhere" }

/**
 * Where a side takes a guild over.
 * @param tail what the publishing side published of it within `tailMs`, in order
 * @param held what came here within `holdMs`, in order
 */
export function take(
  tail: readonly Digest[],
  held: readonly HeldDigest[],
  nowMs: number,
  { newMs }: HandOverTimes,
): Taking {
  if (tail.length === 0) return takeNew(held, nowMs, newMs)
  const alignment = align(
    tail,
    held.map(({ digest }) => digest),
  )
  if (alignment.type === "found") return { type: "taken", published: alignment.published }
  return { type: alignment.type === "behind" ? "later" : "nowhere" }
}

/** Where the events of the two are not the same: some come twice then, none is left out. */
export function takeAll(held: readonly HeldDigest[], nowMs: number, { newMs }: HandOverTimes): Taking {
  return takeNew(held, nowMs, newMs)
}

function takeNew(held: readonly HeldDigest[], nowMs: number, newMs: number): Taking {
  return { type: "taken", published: held.filter(({ atMs }) => atMs <= nowMs - newMs).length }
}
