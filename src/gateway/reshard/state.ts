// What a reshard knows, is told, and wants done. The rules are in step.ts. One process of the fleet leads it, whichever holds
// the lead; the record in Redis is all that the next leader needs.

/**
 * `opening`: the new set's sessions come up beside the old one and publish nothing. `cutting`: guilds go over, new shard by
 * new shard. `closing`: the new set publishes all, the old one closes. `undoing`: what went over comes back, and the new set
 * closes. `done` and `undone` are final.
 */
export type ReshardPhase = "opening" | "cutting" | "closing" | "done" | "undoing" | "undone"

/**
 * What is stored. The leader writes the phase. `cut` is written by those who hand guilds over, together with the sequences at
 * which they did, in one step that is refused unless the phase is `cutting` (to the new set) or `undoing` (to the old one).
 * So nothing changes hands behind the back of a leader who has stored another phase.
 */
export interface ReshardRecord {
  /** Unique among the bot's reshards. */
  readonly id: string
  readonly from: number
  readonly to: number
  readonly phase: ReshardPhase
  /** Why it is undone; null otherwise. */
  readonly reason: string | null
  /** New shards all of whose guilds the new set publishes; on the way back, those of which it publishes any. */
  readonly cut: readonly number[]
}

export interface ReshardState {
  readonly record: ReshardRecord
  /** A phase is on its way to Redis: nothing is done until it is stored. */
  readonly isStoring: boolean
  /** New shards that are connected and ready. */
  readonly live: ReadonlySet<number>
  /** New shards whose guilds are changing hands just now, in the direction of the phase. */
  readonly inHand: ReadonlySet<number>
}

export type ReshardInput =
  /** A leader begins, or takes over from one that is gone. */
  | { readonly type: "lead" }
  /** The phase is stored, and this is what stands there now. */
  | { readonly type: "stored"; readonly record: ReshardRecord }
  | { readonly type: "live"; readonly shards: readonly number[]; readonly isLive: boolean }
  /** Every guild of these new shards has changed hands, and that is stored. */
  | { readonly type: "handed-over"; readonly shards: readonly number[]; readonly to: "new" | "old" }
  /** It did not work and nothing was changed: a process was gone, or took too long, or the phase is another by now. */
  | { readonly type: "not-handed-over"; readonly shards: readonly number[] }
  /** What was put off is due. */
  | { readonly type: "retry" }
  /** A set has no session any more. */
  | { readonly type: "closed"; readonly set: "new" | "old" }
  /** An operator wants it undone, or Discord refuses the new count. */
  | { readonly type: "undo"; readonly reason: string }

export type ReshardEffect =
  /** Answered by `stored`, however long that takes. */
  | { readonly type: "store"; readonly phase: ReshardPhase; readonly reason: string | null }
  /** Starts a session of the new set; the identify queue decides when. Doing it twice changes nothing. */
  | { readonly type: "open"; readonly shard: number }
  /** Lets the guilds of a new shard change hands. Doing it twice changes nothing. */
  | { readonly type: "hand-over"; readonly shard: number; readonly to: "new" | "old" }
  /** Closes a set for good, its stored sessions with it. Doing it twice changes nothing. */
  | { readonly type: "close"; readonly set: "new" | "old" }
  /** Asks for a `retry` in a while. */
  | { readonly type: "retry-later" }
  | { readonly type: "finished"; readonly outcome: "done" | "undone"; readonly reason: string | null }

export interface ReshardStep {
  readonly state: ReshardState
  readonly effects: readonly ReshardEffect[]
}

/** What a leader knows that has only the record: nothing is known to be live, nothing is in hand. */
export function ledBy(record: ReshardRecord): ReshardState {
  return { record, isStoring: false, live: new Set(), inHand: new Set() }
}

/** The record of a reshard that nobody has begun. */
export function newReshard(id: string, from: number, to: number): ReshardRecord {
  return { id, from, to, phase: "opening", reason: null, cut: [] }
}
