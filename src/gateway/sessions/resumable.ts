// Whether a stored session is of use under the configuration that the process started with.

import { INTENT_BITS } from "../../discord/intents.ts"
import type { Session } from "./session.ts"

/** What a session must fit. */
export interface Wanted {
  readonly count: number
  /** As Identify carries them. */
  readonly intents: number
}

/**
 * Why a stored session cannot be resumed; null where it can. Discord never changes the intents of a session. One that has
 * more of them than are wanted is resumed all the same: shards that go to and fro between processes of an old and a new
 * configuration then identify once, and not each time.
 */
export function misfitOf({ shardCount, intents }: Session, wanted: Wanted): string | null {
  if (shardCount !== wanted.count) {
    return `the stored session is for ${shardCount} shards and the configuration says ${wanted.count}.`
  }
  // An earlier version did not store them.
  const lacking = intents === undefined ? 0 : wanted.intents & ~intents
  if (lacking === 0) return null
  return `the stored session was begun without ${describe(lacking)}, which the configuration asks for; it identifies.`
}

/** By name, and what Discord does not document by number. */
function describe(intents: number): string {
  const names = Object.entries(INTENT_BITS).flatMap(([name, bit]) => ((intents & (1 << bit)) === 0 ? [] : [name]))
  return names.length > 0 ? names.join(", ") : `the intents ${intents}`
}
