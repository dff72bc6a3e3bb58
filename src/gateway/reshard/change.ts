// What is stored when the guilds of a pair of shards change hands. From then on it says, for every event, which of the two
// sessions publishes it; also for one that is replayed after a crash.

/** The set that a shard is of. */
export type Side = "old" | "new"

export function otherSide(side: Side): Side {
  return side === "old" ? "new" : "old"
}

/** An old and a new shard that share guilds, by their numbers in their sets. */
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
  /** Names the attempt that it came of; another for each. */
  readonly attempt: string
  readonly to: Side
  readonly old: SessionPlace
  readonly new: SessionPlace
  /** Of the side that took over: the sequences for streams that had events just then. For all others its place holds. */
  readonly streams: ReadonlyMap<string, number>
}

/** An event as one of the two sessions has it. */
export interface EventPlace extends SessionPlace {
  /** What it is in order with: its guild, or a channel without one. */
  readonly stream: string
}

/** Who publishes what comes from now on. */
export function publisherOf(changes: readonly PairChange[]): Side {
  return changes.at(-1)?.to ?? "old"
}

/**
 * Whether a session publishes an event. A change that was made with another session of the shard lies in the past: who has a
 * session anew has lost the one before for good.
 * @param changes of the pair, oldest first
 */
export function publishes(side: Side, event: EventPlace, changes: readonly PairChange[]): boolean {
  let publisher: Side = "old"
  for (const change of changes) {
    const { sessionId, sequence } = change[side]
    if (sessionId === event.sessionId) {
      const exact = change.to === side ? change.streams.get(event.stream) : undefined
      if (event.sequence <= (exact ?? sequence)) break
    }
    publisher = change.to
  }
  return publisher === side
}
