// A burst for benchmarks: events that are numbered, compressed and framed beforehand, so that sending them costs the
// simulator next to nothing while somebody measures the receiver.

import { shardEvent } from "../corpus/mix.ts"
import { seededRandom } from "../corpus/random.ts"
import type { World } from "../corpus/world.ts"
import { FaultError } from "../faults/fault.ts"
import { filterByIntents } from "../gateway/intent-filter.ts"
import type { Outbox } from "../gateway/outbox.ts"
import type { Session } from "../gateway/session.ts"

export interface Burst {
  readonly shard: number
  /** How many: fewer than asked for when the connection was lost meanwhile. */
  readonly events: number
  /** On the wire, frame heads included. */
  readonly bytes: number
  /** The sequence of its last event. */
  readonly lastSequence: number
  /** Sends its next chunk. @returns how many events that were; 0 once everything is sent. */
  sendChunk(): number
  /** Sends what is left of it. Resolves when the client has taken all of it. */
  send(): Promise<void>
}

/** Finished frames that are sent together. */
interface Chunk {
  readonly frames: Buffer
  readonly events: number
}

export interface BurstOptions {
  readonly events: number
  readonly seed: number
  readonly wallMs: number
}

/** Different events; a longer burst goes round. */
const DISTINCT_EVENTS = 20_000
/** Small enough that whoever sends chunk by chunk sends a steady stream. */
const CHUNK_BYTES = 64 * 1024
const EVENTS_A_TURN = 1_000
export const MAX_BURST_EVENTS = 2_000_000

/**
 * Whatever else is sent on the connection waits until the burst is sent.
 * @throws FaultError when the session's intents cover no event.
 */
export async function prepareBurst(
  outbox: Outbox,
  session: Session,
  world: World,
  { events, seed, wallMs }: BurstOptions,
): Promise<Burst> {
  const pool = poolOf(session, world, { events: Math.min(events, DISTINCT_EVENTS), seed, wallMs })
  if (pool.length === 0)
    throw new FaultError(
      `Cannot prepare a burst for shard ${session.plan.shard}: its intents ${session.plan.intents} cover no event of the traffic.`,
    )
  outbox.cork()
  const chunks: Chunk[] = []
  let frames: Buffer[] = []
  let waitingBytes = 0
  let bytes = 0
  let prepared = 0
  const finishChunk = () => {
    chunks.push({ frames: Buffer.concat(frames), events: frames.length })
    frames = []
    waitingBytes = 0
  }
  for (let index = 0; index < events; index++) {
    const event = pool[index % pool.length]
    const frame = event && outbox.prepare(session.number(event.t, event.d))
    if (frame === undefined) break
    frames.push(frame)
    bytes += frame.length
    prepared += 1
    waitingBytes += frame.length
    if (waitingBytes >= CHUNK_BYTES) finishChunk()
    if (index % EVENTS_A_TURN === EVENTS_A_TURN - 1) await new Promise((resolve) => setImmediate(resolve))
  }
  // An empty chunk would be left behind by whoever sends up to the last event, and what waits with it.
  if (frames.length > 0 || chunks.length === 0) finishChunk()
  const sendChunk = () => {
    const chunk = chunks.shift()
    if (chunk === undefined) return 0
    outbox.sendFrames(chunk.frames)
    if (chunks.length === 0) outbox.uncork()
    return chunk.events
  }
  return {
    shard: session.plan.shard,
    events: prepared,
    bytes,
    lastSequence: session.sequence(),
    sendChunk,
    send() {
      while (sendChunk() > 0);
      return outbox.drained()
    },
  }
}

function poolOf(session: Session, world: World, { events, seed, wallMs }: BurstOptions) {
  const { shard, shardCount, intents, botId } = session.plan
  const random = seededRandom(seed, `burst ${shard}`)
  const place = { shard, guildIds: world.guildIdsOf(shard, shardCount) }
  const pool: { readonly t: string; readonly d: string }[] = []
  for (let tries = 0; pool.length < events && tries < events * 20; tries++) {
    const made = shardEvent(random, world, place, wallMs)
    const seen = made && filterByIntents(made, intents, botId)
    if (seen !== undefined) pool.push({ t: seen.t, d: JSON.stringify(seen.d) })
  }
  return pool
}
