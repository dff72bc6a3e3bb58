// The fence around what a process writes for shards that it may lose to another one. It costs nothing per event: a
// connection that publishes is named after its process when it logs in, and asks once whether it may write, before it does.
// Whoever takes the process's shards ends the connections of that name first; and the next one is refused, since it asks.
//
// Why nothing slips through: a connection has its name before it asks, and is let in only by an answer that was given
// after. So the process was still in the ledger when the name stood on the server already, and whoever strikes it from the
// ledger after that finds the connection by its name.

export interface WriteFence {
  /** What the connections that publish are called on the server. */
  readonly connectionName: string
  /**
   * Asked by each new connection, named by then. Resolves when it may write, and what may not be written any more has been
   * dropped from the queue; stays open while this process has no say.
   */
  admit(): Promise<void>
}
