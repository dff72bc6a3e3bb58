// The port by which the two sides of a pair (an old and a new shard that share guilds) agree on who publishes. What they
// agree on is stored, and says from then on, for every event, which of the two sessions publishes it.

import type { Digest } from "./align.ts"
import type { Pair, PairChange, SessionPlace, Side } from "./change.ts"

/** What is stored of a shard's pairs: by the number of the other shard, oldest first. */
export type ChangesByOther = ReadonlyMap<number, readonly PairChange[]>

/** What the publishing side tells: from `place` on it holds back. */
export interface Offer {
  /** Names the attempt: what the other side asked for it by. */
  readonly attempt: string
  readonly place: SessionPlace
  /** What was published last of each stream that was not quiet, in order. */
  readonly tails: ReadonlyMap<string, readonly Digest[]>
}

/** `over`: it was taken before, and this is what was stored. */
export type Withdrawal = { readonly type: "withdrawn" } | { readonly type: "over"; readonly change: PairChange }

/** What each side hears of the other. Anything may be lost: it is asked again, or found out by `read` and `withdraw`. */
export interface ExchangeListener {
  /** @param attempt the offer that is wanted; null: only to remember what is published from now on */
  readonly asked: (pair: Pair, to: Side, attempt: string | null) => void
  readonly offered: (pair: Pair, to: Side, offer: Offer) => void
  /** The other side cannot take over in this attempt. */
  readonly declined: (pair: Pair, attempt: string) => void
  readonly settled: (pair: Pair, change: PairChange) => void
}

/** Every promise rejects where Redis does not answer: nobody knows then what was done. */
export interface PairExchange {
  listen(listener: ExchangeListener): void
  /**
   * What is stored of a shard's pairs; and ends every attempt that an earlier owner of the shard had a part in, so that nothing
   * is settled behind the back of this one, however late what that one has asked for arrives. Called before the shard reads its
   * first event.
   */
  begin(side: Side, shard: number): Promise<ChangesByOther>
  /** As `begin`, and ends nothing. */
  read(side: Side, shard: number): Promise<ChangesByOther>
  /** Asks the publishing side of a pair, wherever it runs. */
  ask(pair: Pair, to: Side, attempt: string | null): Promise<void>
  /** @returns false where the phase of the reshard allows no change in this direction: nobody will take it */
  offer(pair: Pair, to: Side, offer: Offer): Promise<boolean>
  decline(pair: Pair, attempt: string): Promise<void>
  /**
   * May be called again where nobody knows whether it was done.
   * @returns false where the attempt is over or the phase is another: nothing is stored, nothing changed hands
   */
  settle(pair: Pair, change: PairChange): Promise<boolean>
  /** Stores changes again that a server has lost which came back with less than it had. */
  restore(pair: Pair, changes: readonly PairChange[]): Promise<void>
  /** The publishing side goes on, unless the other has taken over. */
  withdraw(pair: Pair, attempt: string): Promise<Withdrawal>
}
