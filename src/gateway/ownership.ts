// The port to whoever decides which shards this process runs: its configuration (fixed-ownership.ts), or the leases that it
// shares with the bot's other processes (fleet/leases.ts).

import type { ShardSet } from "./shard-set.ts"
import type { HandOver } from "./steering/node.ts"

export interface Ownership {
  /**
   * Runs the shards that this process has, or begins to ask for some.
   * @throws what the session store throws: without its sessions nothing may identify.
   */
  start(): Promise<void>
  /** The bot's shards. Another set once it was resharded. */
  readonly set: ShardSet
  /** What this process waits for before it knows its shards; null: it knows them. */
  readonly waitsFor: string | null
  /** Null where shards cannot change hands. */
  readonly handOver: HandOver | null
  /** Stops every shard resumably: reads nothing more, waits for confirms, stores the sessions, within this time. */
  stop(withinMs: number): Promise<void>
}
