// The shards of this process: starts them in order, a bounded number at a time, and stops them together. Which shards
// they are is decided elsewhere (shard-plan.ts).

import type { SessionStore } from "./sessions/session.ts"
import { ShardUnit, type UnitOptions } from "./shard-unit.ts"

/** Shards that have been started and were not live yet. Slots are given in the order of ids, so more would only wait. */
const MAX_STARTING = 32
/** How often decoders are told the time that events are trimmed by. They never ask a clock: that would cost an event more. */
const TELL_TIME_MS = 1_000

export interface FleetOptions extends UnitOptions {
  readonly ids: readonly number[]
  readonly store: SessionStore
}

export class Fleet {
  readonly #options: FleetOptions
  readonly #units = new Map<number, ShardUnit>()
  readonly #starting = new Set<number>()
  #cancelTime = (): void => {}
  #next = 0
  #stopped = false

  constructor(options: FleetOptions) {
    this.#options = options
  }

  get units(): ReadonlyMap<number, ShardUnit> {
    return this.#units
  }

  /** The ids of those shards of this process that are not live. */
  get notLive(): readonly number[] {
    return this.#options.ids.filter((id) => this.#units.get(id)?.shard.status.phase !== "live")
  }

  /**
   * Loads every stored session, and starts the first shards; the rest follow by themselves.
   * @throws what the store throws: without its sessions nothing may identify.
   */
  async start(): Promise<void> {
    const { ids, store, on } = this.#options
    const stored = await Promise.all(ids.map((id) => store.load(id)))
    const options: UnitOptions = {
      ...this.#options,
      on: {
        ...on,
        live: (shard, resumed) => {
          on.live(shard, resumed)
          if (this.#starting.delete(shard)) this.#startMore()
        },
      },
    }
    ids.forEach((id, index) => {
      this.#units.set(id, new ShardUnit(id, stored[index] ?? null, options))
    })
    if (this.#options.broker.encoding.framing.type === "redis") this.#tellTime()
    this.#startMore()
  }

  /** Stops reading, waits until the broker has confirmed what was read. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#units.values()].map((unit) => unit.stop()))
  }

  /** Frees the decoders. Nothing may be called afterwards. */
  close(): void {
    this.#cancelTime()
    for (const unit of this.#units.values()) unit.close()
  }

  /** Of the whole process, once a second. */
  #tellTime(): void {
    const { clock } = this.#options
    const unixMs = clock.wallMs()
    for (const unit of this.#units.values()) unit.setTime(unixMs)
    this.#cancelTime = clock.after(TELL_TIME_MS, () => this.#tellTime())
  }

  #startMore(): void {
    const { ids } = this.#options
    while (!this.#stopped && this.#starting.size < MAX_STARTING && this.#next < ids.length) {
      const unit = this.#units.get(ids[this.#next] ?? -1)
      this.#next += 1
      if (unit === undefined) continue
      this.#starting.add(unit.shard.id)
      unit.shard.start()
    }
  }
}
