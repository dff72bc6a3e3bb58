// The shards that run in this process: starts them in order, a bounded number at a time, and stops them one by one or
// together. Which shards they are is decided elsewhere (ownership.ts).

import type { GuildGate } from "./reshard/guild-gate.ts"
import { misfitOf } from "./sessions/resumable.ts"
import type { SessionSaver } from "./sessions/saver.ts"
import type { Session } from "./sessions/session.ts"
import { placeOf, type ShardPlace, type ShardSet } from "./shard-set.ts"
import { ShardUnit, type UnitOptions } from "./shard-unit.ts"
import type { Dial } from "./socket.ts"

/**
 * Shards that have been started and were not live yet, of those that identify and of those that resume. Slots to identify
 * are given in the order of ids, so more would only wait; a resume needs none, and must not wait behind one.
 */
const MAX_STARTING = 32
/** How often decoders are told the time that events are trimmed by. They never ask a clock: that would cost an event more. */
const TELL_TIME_MS = 1_000

export type FleetOptions = Omit<UnitOptions, "saver" | "gate" | "isBeside">

/** What a shard's unit gets of its own. */
export interface UnitParts {
  /** The set that the shards are of. */
  readonly set: ShardSet
  readonly saver: SessionSaver
  /** Instead of the fleet's. */
  readonly dial?: Dial
  /** Only while the bot is resharded. */
  readonly isBeside?: () => boolean
  readonly gate?: GuildGate
}

/** Slots of shards that start one after the other, ascending. */
class StartOrder {
  #waiting: number[] = []
  readonly #starting = new Set<number>()

  add(ids: readonly number[]): void {
    this.#waiting = [...this.#waiting, ...ids].sort((a, b) => a - b)
  }

  /** The next that may start now. */
  next(): number | undefined {
    if (this.#starting.size >= MAX_STARTING) return undefined
    const id = this.#waiting.shift()
    if (id !== undefined) this.#starting.add(id)
    return id
  }

  /** It is live. @returns true when it was starting */
  started(id: number): boolean {
    return this.#starting.delete(id)
  }

  /** It is not to start any more. */
  forget(id: number): void {
    this.#starting.delete(id)
    this.#waiting = this.#waiting.filter((other) => other !== id)
  }

  clear(): void {
    this.#waiting = []
  }
}

export class Fleet {
  readonly #options: FleetOptions
  readonly #units = new Map<number, ShardUnit>()
  readonly #resuming = new StartOrder()
  /** By the first slot of a set: those of the bot never wait behind those that come up beside them. */
  readonly #identifying = new Map<number, StartOrder>()
  #cancelTime = (): void => {}

  constructor(options: FleetOptions) {
    const { on } = options
    this.#options = {
      ...options,
      on: {
        ...on,
        live: (shard, resumed) => {
          on.live(shard, resumed)
          if (this.#orders().some((order) => order.started(shard.slot))) this.#startMore()
        },
      },
    }
  }

  /** By slot. */
  get units(): ReadonlyMap<number, ShardUnit> {
    return this.#units
  }

  /** Those shards of this process that are not live. */
  get notLive(): readonly ShardPlace[] {
    return [...this.#units.values()].filter(({ status }) => status.phase !== "live").map(({ place }) => place)
  }

  /** Runs shards, by slot, each of which does not run. Each starts once enough of those before it are live. */
  add(shards: ReadonlyMap<number, Session | null>, { set, ...parts }: UnitParts): void {
    for (const [slot, session] of shards) {
      const place = placeOf(slot, [set])
      if (place === null) throw new RangeError(`the slot ${slot} is not one of ${set.count} from ${set.firstSlot} on`)
      this.#units.set(slot, new ShardUnit(place, session, { ...this.#options, ...parts }))
    }
    const wanted = { count: set.count, intents: this.#options.identity.intents }
    const isResumable = (slot: number) => {
      const session = shards.get(slot) ?? null
      return session !== null && misfitOf(session, wanted) === null
    }
    this.#resuming.add([...shards.keys()].filter(isResumable))
    const identifying = this.#identifying.get(set.firstSlot) ?? new StartOrder()
    this.#identifying.set(set.firstSlot, identifying)
    identifying.add([...shards.keys()].filter((slot) => !isResumable(slot)))
    if (this.#options.broker.encoding.framing.type === "redis") this.#tellTime()
    this.#startMore()
  }

  /**
   * Stops reading, closes so that the session stays, waits until the broker has confirmed what was read.
   * @returns once that is done; the unit stays, and is removed by `remove`
   */
  async drain(slot: number): Promise<void> {
    this.#forget(slot)
    await this.#units.get(slot)?.stop()
  }

  /**
   * Takes a shard out at once: closes so that the session stays, and waits for no confirm.
   * @returns once its connection is gone
   */
  async remove(slot: number): Promise<void> {
    const unit = this.#units.get(slot)
    if (unit === undefined) return
    this.#forget(slot)
    this.#units.delete(slot)
    this.#startMore()
    await unit.shard.stop()
    // What was to run after the last frames uses the decoder.
    this.#options.soon(() => unit.close())
  }

  /** Stops reading everywhere, and waits until the broker has confirmed what was read. */
  async stop(): Promise<void> {
    for (const order of this.#orders()) order.clear()
    await Promise.all([...this.#units.values()].map((unit) => unit.stop()))
  }

  /** Frees the decoders. Nothing may be called afterwards. */
  close(): void {
    this.#cancelTime()
    for (const unit of this.#units.values()) unit.close()
  }

  #orders(): readonly StartOrder[] {
    return [this.#resuming, ...this.#identifying.values()]
  }

  #forget(slot: number): void {
    for (const order of this.#orders()) order.forget(slot)
  }

  /** Of the whole process, once a second. */
  #tellTime(): void {
    const { clock } = this.#options
    this.#cancelTime()
    const unixMs = clock.wallMs()
    for (const unit of this.#units.values()) unit.setTime(unixMs)
    this.#cancelTime = clock.after(TELL_TIME_MS, () => this.#tellTime())
  }

  #startMore(): void {
    for (const order of this.#orders()) {
      for (let id = order.next(); id !== undefined; id = order.next()) this.#units.get(id)?.shard.start()
    }
  }
}
