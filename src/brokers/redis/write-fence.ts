// The fence around what a process writes for shards that it may lose to another one. A connection that publishes is marked
// as its process's when it logs in, and asks once whether it may write, before it does. Whoever takes the process's shards
// strikes all that carry its mark first; and the next connection is refused, since it asks.
//
// Why nothing slips through: a connection has its mark before it asks, and is let in only by an answer that was given
// after. So the process was still in the ledger when the mark stood on the server already, and whoever strikes it from the
// ledger after that finds the connection by its mark. Where the ledger itself was lost, the marks of all processes that did
// not come back to it are struck before it gives any shard to another one.

/** How a process's connections are found on the server. */
export type WriterMark =
  /** By their name, and ended: costs nothing from then on. Takes CLIENT SETNAME, LIST and KILL. */
  | { readonly type: "name"; readonly name: string }
  /** By a set of all that may write, which every transaction watches (write-guard.ts): where no connection may be ended. */
  | { readonly type: "permit"; readonly key: string }

export interface WriteFence {
  readonly mark: WriterMark
  /**
   * Asked by each new connection, marked by then. Resolves when it may write, and what may not be written any more has been
   * dropped from the queue; stays open while this process has no say.
   */
  admit(): Promise<void>
}
