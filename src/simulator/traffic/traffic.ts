// The traffic that flows by itself: so many events a second for each shard, or as many as each client reads.

import { shardOf } from "../../discord/snowflake.ts"
import type { Clock } from "../../flow/clock.ts"
import { shardEvent } from "../corpus/mix.ts"
import { type Random, seededRandom } from "../corpus/random.ts"
import type { World } from "../corpus/world.ts"
import type { AnyDispatch } from "../gateway/intent-filter.ts"
import type { Session, SessionPlan } from "../gateway/session.ts"
import type { Sessions } from "../gateway/sessions.ts"
import type { TrafficRate } from "../options.ts"

export interface TrafficOptions {
  readonly world: World
  readonly sessions: Sessions
  readonly clock: Clock
  readonly seed: number
  /** Something else than the usual next event, now and then. */
  readonly instead: (random: Random, guildIds: readonly string[]) => AnyDispatch | undefined
  /** Of every event, before it is dispatched. */
  readonly onEvent: (event: AnyDispatch) => void
}

/**
 * The sessions of one shard of one shard count: they see the same events. Where a bot has two sets of sessions, the traffic is
 * made for the shards of the older one, and each event goes to the sessions of both that have its guild.
 */
interface Audience {
  readonly sessions: Session[]
  /** Of other shard counts. */
  readonly others: readonly Session[]
  readonly shard: number
  readonly shardCount: number
}

interface Source {
  readonly random: Random
  readonly guildIds: readonly string[]
  /** Events due and not sent yet, in fractions. */
  due: number
}

const TICK_MS = 10
/** Events whose `id` is the guild's. */
const OF_THE_GUILD_ITSELF: ReadonlySet<string> = new Set(["GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"])
/** Shares of an event add up with a rounding error. */
const ONE_EVENT = 1 - 1e-6
/** More than that is not made up for after a pause. */
const MAX_EVENTS_A_TICK = 10_000
const FLAT_OUT_TURN = 32
/** Flat out, a client that leaves this much unread is waited for. */
const HIGH_WATER_BYTES = 1024 * 1024

export class Traffic {
  readonly #options: TrafficOptions
  readonly #sources = new Map<string, Source>()
  #rate: TrafficRate = 0
  #lastMs = 0
  /** Counts starts, so that a turn that was queued before a change does nothing. */
  #generation = 0
  #cancelTick: (() => void) | undefined
  #events = 0

  constructor(options: TrafficOptions) {
    this.#options = options
  }

  rate(): TrafficRate {
    return this.#rate
  }

  /** 0 stops it. */
  setRate(rate: TrafficRate): void {
    this.stop()
    this.#rate = rate
    this.#lastMs = this.#options.clock.nowMs()
    const generation = this.#generation
    if (rate === "flat-out") this.#flatOut(generation)
    else if (rate > 0) this.#tick(rate)
  }

  stop(): void {
    this.#rate = 0
    this.#generation += 1
    this.#cancelTick?.()
    this.#cancelTick = undefined
  }

  #tick(rate: number): void {
    const nowMs = this.#options.clock.nowMs()
    const share = ((nowMs - this.#lastMs) / 1000) * rate
    this.#lastMs = nowMs
    for (const audience of this.#audiences()) {
      const source = this.#source(audience)
      source.due = Math.min(MAX_EVENTS_A_TICK, source.due + share)
      for (; source.due >= ONE_EVENT; source.due--) this.#send(audience, source)
    }
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => this.#tick(rate))
  }

  /** Sends to whoever reads; when nobody does, looks again a little later. */
  #flatOut(generation: number): void {
    if (generation !== this.#generation) return
    let sent = 0
    for (const audience of this.#audiences()) {
      const queued = audience.sessions.map((session) => session.connection()?.queuedBytes() ?? Number.POSITIVE_INFINITY)
      if (Math.min(...queued) > HIGH_WATER_BYTES) continue
      const source = this.#source(audience)
      for (let turn = 0; turn < FLAT_OUT_TURN; turn++) this.#send(audience, source)
      sent += FLAT_OUT_TURN
    }
    if (sent > 0) setImmediate(() => this.#flatOut(generation))
    else this.#cancelTick = this.#options.clock.after(1, () => this.#flatOut(generation))
  }

  #send({ sessions, others, shard }: Audience, { random, guildIds }: Source): void {
    const { world, clock, instead, onEvent } = this.#options
    const event = instead(random, guildIds) ?? shardEvent(random, world, { shard, guildIds }, clock.wallMs())
    if (event === undefined) return
    onEvent(event)
    this.#events += 1
    for (const session of sessions) session.dispatch(event, this.#events)
    for (const session of others) if (isFor(event, session.plan)) session.dispatch(event, this.#events)
  }

  #audiences(): readonly Audience[] {
    const ready = this.#options.sessions.live().filter((session) => session.isReady())
    const shardCount = ready[0]?.plan.shardCount
    const audiences = new Map<number, Audience>()
    const others = ready.filter(({ plan }) => plan.shardCount !== shardCount)
    for (const session of ready) {
      const { shard } = session.plan
      if (shardCount === undefined || session.plan.shardCount !== shardCount) continue
      const known = audiences.get(shard)
      if (known === undefined) audiences.set(shard, { sessions: [session], others, shard, shardCount })
      else known.sessions.push(session)
    }
    return [...audiences.values()]
  }

  #source(audience: Audience): Source {
    const key = keyOf(audience)
    const known = this.#sources.get(key)
    if (known !== undefined) return known
    const { world, seed } = this.#options
    const guildIds = world.guildIdsOf(audience.shard, audience.shardCount)
    const source = { random: seededRandom(seed, `traffic ${key}`), guildIds, due: 0 }
    this.#sources.set(key, source)
    return source
  }
}

/** Whether the event's guild is the shard's; what has none comes to shard 0. */
function isFor({ t, d }: AnyDispatch, { shard, shardCount }: SessionPlan): boolean {
  const { guild_id, id } = d as { readonly guild_id?: string; readonly id?: string }
  const guildId = OF_THE_GUILD_ITSELF.has(t) ? id : guild_id
  return shard === (guildId === undefined ? 0 : shardOf(guildId, shardCount))
}

function keyOf({ shard, shardCount }: { readonly shard: number; readonly shardCount: number }): string {
  return `${shard}/${shardCount}`
}
