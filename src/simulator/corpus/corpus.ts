// A seeded sequence of realistic dispatches, for tests and benchmarks: the same seed gives the same events everywhere.

import { type Dispatch, shardEvent } from "./mix.ts"
import { seededRandom } from "./random.ts"
import { makeWorld, WORLD_START_MS } from "./world.ts"

export interface CorpusOptions {
  readonly seed: number
  /** How many events; without it, no end. */
  readonly count?: number
  /** How many guilds they happen in. */
  readonly guilds?: number
}

const EVENT_SPACING_MS = 37

/**
 * Dispatches of a bot with every intent, as shard 0 of 1 sees them. Of 20,000, the JSON payloads `{t, s, op, d}` have a
 * mean near 1,150 bytes, a median near 810, and a largest near 72 KB.
 */
export function* corpus({ seed, count = Number.POSITIVE_INFINITY, guilds = 50 }: CorpusOptions): Generator<Dispatch> {
  const world = makeWorld({ seed, guilds })
  const random = seededRandom(seed, "corpus")
  const place = { shard: 0, guildIds: world.guildIds }
  for (let index = 0; index < count; index++) {
    const event = shardEvent(random, world, place, WORLD_START_MS + index * EVENT_SPACING_MS)
    if (event !== undefined) yield event
  }
}
