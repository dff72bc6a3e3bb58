// The port to the ledger in which the gateways of a bot write who runs which shard. Every gateway exchanges a beat for an
// answer a few times a lease; one exchange is one step that happens whole, on the ledger's own clock.
//
// A shard is written down by its slot (shard-set.ts): so is every `shard` here and in the files that follow from it.
//
// The lease is the gateway's: a shard belongs to the node that is written beside it, for as long as that node's deadline
// has not passed. So one write renews them all, and a node that is late loses them all, together. Its connections are ended
// then (`fence`), before anybody else may have its shards.
//
// A ledger that is new, that lost something, or that another server has, is opened anew. It may know nothing of a node that
// sleeps or is cut off meanwhile, and that node's connections may have outlived it. So it gives nobody a shard before all
// have had a lease's time to come back, and the connections of whoever has not were ended (`sweep`).

import type { ShardSet } from "../shard-set.ts"

export interface Lease {
  /** Null: nobody has it. */
  readonly owner: string | null
  /** The fencing token: grows whenever the shard gets another owner. */
  readonly token: number
  /** When that was, by the ledger's clock. */
  readonly changedMs: number
  /** An operator put it there. */
  readonly isPinned: boolean
  /** Of a set that closes: its session is closed for good, and nobody takes it any more. */
  readonly isEnded: boolean
}

export interface OtherSet extends ShardSet {
  /** Its shards are run only until their sessions can be closed for good. */
  readonly isClosing: boolean
}

/** Good for as long as the shard's lease has this token. */
export interface Invite {
  readonly shard: number
  readonly token: number
}

export interface LedgerNode {
  readonly id: string
  /** Its share of the shards, against the weights of the others. */
  readonly weight: number
  /** Shards that it takes at most. */
  readonly capacity: number
  /** It takes none any more. */
  readonly isDraining: boolean
  /** Its load is over its limit: it takes no more as long as another one has room. */
  readonly isBusy: boolean
  /** Shards that it lets their owners hand over to it. */
  readonly invites: readonly Invite[]
  /** Its lease passed, by the ledger's clock. Its shards are free once its connections have been ended. */
  readonly isDead: boolean
  /**
   * It has beaten since the ledger was opened, and knew by then that it was: so all that it ran is written down again, but
   * for what has a later owner. Of a beat that was long on its way one could not say that.
   */
  readonly isBack: boolean
  readonly deadlineMs: number
}

/** What stands in the ledger. */
export interface Book {
  readonly nowMs: number
  /** The bot's shards. */
  readonly set: ShardSet
  /** While the bot is resharded: the shards that come up beside them, or that close. */
  readonly other: OtherSet | null
  /**
   * Until then nobody takes a free shard: the ledger was opened, and its owners may not have come back yet. Another one each
   * time that it is opened.
   */
  readonly claimFromMs: number
  /** The connections of all that had not come back were ended since: until then nobody takes a free shard either. */
  readonly isSwept: boolean
  readonly nodes: readonly LedgerNode[]
  /** By shard; none for one that nobody ever had. */
  readonly leases: ReadonlyMap<number, Lease>
}

export interface HandedOver {
  readonly shard: number
  readonly token: number
  /** Null, or a node that does not live: the shard is free. The node itself: it goes on under a later token. */
  readonly to: string | null
  readonly isPinned: boolean
  /** Its session is closed for good. */
  readonly isEnded: boolean
}

export interface Beat {
  readonly node: Pick<LedgerNode, "id" | "weight" | "capacity" | "isDraining" | "isBusy" | "invites">
  readonly set: ShardSet
  readonly leaseMs: number
  /** Served here now. Written again where the ledger knows nothing of them, because it was lost. */
  readonly held: readonly { readonly shard: number; readonly token: number }[]
  /** Free shards that this node wants. */
  readonly claims: readonly number[]
  /** Shards that this node has let go of: drained, stored, closed. */
  readonly handOvers: readonly HandedOver[]
  /** Dead nodes whose connections were ended: their shards are free from now on. */
  readonly fenced: readonly string[]
  /** The `claimFromMs` of the book that this node has read last; null: it has read none. */
  readonly knows: number | null
  /** That of a ledger in which this node saw who is back, and has ended the connections of all others; null: it has not. */
  readonly swept: number | null
  /** It needs no answer any more, and has no shards. */
  readonly isLeaving: boolean
}

export type Answer =
  | { readonly type: "member"; readonly book: Book }
  /** This node's lease passed. It comes back once its connections have been ended. */
  | { readonly type: "fenced"; readonly book: Book }
  /** The others run another set of shards. */
  | { readonly type: "other-count"; readonly book: Book }

export interface LedgerShards {
  readonly set: ShardSet
  /** Somebody runs them. */
  readonly hasMembers: boolean
  /** Shards that those take at most, all together. */
  readonly capacity: number
  /** Of a bot that was resharded: what shards.count said then, 0 for nothing. Null for one that never was. */
  readonly configured: number | null
}

export interface Ledger {
  /** Rejects, or stays open, while the ledger cannot be reached; one at a time. */
  exchange(beat: Beat): Promise<Answer>
  /** What stands in the ledger of the bot's shards; null where nothing does. */
  shards(): Promise<LedgerShards | null>
  /** Another node changed something that is about this one too: a beat is worth its while. */
  onChange(listener: () => void): void
  /** Ends the connections by which a node writes events. Rejects when that cannot be done: it is tried again. */
  fence(node: string): Promise<void>
  /**
   * Ends those of all other nodes than these. Rejects when that cannot be done: it is tried again.
   * @returns how many it were
   */
  sweep(spared: readonly string[]): Promise<number>
  close(): Promise<void>
}
