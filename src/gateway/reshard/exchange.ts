// The port by which the two sides of a pair (an old and a new shard that share guilds) agree on who publishes. What they
// agree on is stored, and says from then on, for every event, which of the two sessions publishes it.

import type { Digest } from "./align.ts"
import type { Side } from "./hand-over.ts"

export interface Pair {
  readonly old: number
  readonly new: number
}

/** A place in a session. */
export interface SessionPlace {
  readonly sessionId: string
  readonly sequence: number
}

/** What each session had when the guilds of a pair changed hands. Everything up to a place belongs to before. */
export interface PairChange {
  readonly to: Side
  readonly old: SessionPlace
  readonly new: SessionPlace
  /** Of the side that took over: the sequences for guilds that had events just then. For all others its place holds. */
  readonly guilds: ReadonlyMap<string, number>
}

/** What the publishing side tells: from `place` on it holds back. */
export interface Offer {
  /** Names the attempt; another for each. */
  readonly attempt: string
  readonly place: SessionPlace
  /** What was published last of each guild that was not quiet, in order; null where it does not know for long enough yet. */
  readonly tails: ReadonlyMap<string, readonly Digest[]> | null
}

/** `over`: it was taken before, and this is what was stored. */
export type Withdrawal = { readonly type: "withdrawn" } | { readonly type: "over"; readonly change: PairChange }

export interface PairExchange {
  /**
   * What is stored of a shard's pairs, oldest first; and ends every attempt that an earlier owner of the shard began, so that it
   * may publish. Called before the shard reads its first event.
   */
  begin(side: Side, shard: number): Promise<ReadonlyMap<number, readonly PairChange[]>>
  /** Asks the publishing side of a pair for an offer, wherever it runs. Lost where nobody listens: it is asked again. */
  ask(pair: Pair, to: Side): Promise<void>
  onAsked(listener: (pair: Pair, to: Side) => void): void
  /** @returns false where the phase of the reshard allows no change in this direction */
  offer(pair: Pair, to: Side, offer: Offer): Promise<boolean>
  onOffered(listener: (pair: Pair, to: Side, offer: Offer) => void): void
  /** @returns false where the attempt is over or the phase is another: nothing is stored, nothing changed hands */
  settle(pair: Pair, attempt: string, change: PairChange): Promise<boolean>
  /** Tells the publishing side at once what it would learn when it withdraws. */
  onSettled(listener: (pair: Pair, attempt: string, change: PairChange) => void): void
  /** The publishing side goes on, unless the other has taken over. */
  withdraw(pair: Pair, attempt: string): Promise<Withdrawal>
}
