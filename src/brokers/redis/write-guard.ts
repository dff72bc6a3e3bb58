// The fence where no connection may be ended: a set in Redis holds every connection of a process that may write, and whoever
// takes the process's shards deletes it. Each transaction watches the set, so that one that comes late is not executed.
//
// A WATCH counts from when it was executed. So it goes out behind the transaction before, and asks besides whether the
// permit still stands; the next transaction is sent only once that was answered. On one server alone: a cluster would need
// such a set beside each stream.
// Source: Redis documentation, "Transactions" > optimistic locking using check-and-set.

import { command } from "./commands.ts"

/** One connection's place in the set. */
export interface Permit {
  readonly key: string
  readonly id: string
  /** The connection before, which gives its place up. */
  readonly former: string | null
}

/** Replies to what the commands of a guard. */
export const GUARD_REPLIES = 2

/** At the login, before the connection asks whether it may write. */
export function permitCommands({ key, id, former }: Permit): Uint8Array[] {
  const added = command("SADD", key, id)
  return former === null ? [added] : [command("SREM", key, former), added]
}

/** One connection's permit, and what is sent behind each of its transactions, and before the first. */
export interface WriteGuard {
  readonly permit: Permit
  /** The last of their replies is 1 where the permit stands. */
  readonly commands: Uint8Array
}

/** Each connection has a permit of its own, so that none writes by one that was taken from another. */
export function newGuard(key: string, before: WriteGuard | null, random: () => number): WriteGuard {
  const id = random().toString(36).slice("0.".length)
  const commands = Buffer.concat([command("WATCH", key), command("SISMEMBER", key, id)])
  return { permit: { key, id, former: before?.permit.id ?? null }, commands }
}
