// The shards that are held here: what belongs to one from the moment that its session is loaded until it is closed again.
// A shard comes with its lease's token and goes by being drained, for its next owner, or by being cut.

import { type Clock, sleep } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import type { LeaseMove } from "../../ops/fleet-metrics.ts"
import type { Logger } from "../../ops/log.ts"
import type { Fleet } from "../fleet.ts"
import type { GuildGate } from "../reshard/guild-gate.ts"
import { SessionSaver } from "../sessions/saver.ts"
import type { SessionStore } from "../sessions/session.ts"
import { hasSlot, logFields, type ShardPlace, type ShardSet } from "../shard-set.ts"
import type { ShardUnit } from "../shard-unit.ts"
import type { Dial } from "../socket.ts"
import type { SessionsUnderLease } from "./fenced-sessions.ts"
import { leasedDial } from "./leased-dial.ts"
import type { OtherSet } from "./ledger.ts"
import type { CutReason } from "./member-state.ts"

/** A shard's hand-over: for confirms, and for its last session. What is late comes twice, with equal ids. */
const DRAIN_WITHIN_MS = 5_000
const SAVE_WITHIN_MS = 2_000
/** For READY of a shard that is on its way out, lest its identify is wasted. */
const IDENTIFY_WITHIN_MS = 5_000
const POLL_MS = 50
const RETRY_MS = 500
const NEVER = new AbortController().signal

export interface HeldShardsOptions {
  readonly sessions: SessionsUnderLease
  readonly fleet: Fleet
  readonly dial: Dial
  /** What decides which events of a shard are published while the bot is resharded. */
  readonly gate: (shard: ShardPlace) => Promise<GuildGate | undefined>
  /** The sets that the bot has now. */
  readonly sets: () => readonly (ShardSet | OtherSet)[]
  /** By the own clock, until when nobody else can have what is held here. */
  readonly heldUntilMs: () => number
  /** Publishes nothing more of what was handed over of a shard. */
  readonly drop: (shard: number) => void
  /** Ends this process's connections that publish; they come back. */
  readonly endWrites: () => Promise<void>
  readonly clock: Clock
  readonly log: Logger
  readonly on: {
    /** Shards came or went. */
    readonly changed: () => void
    readonly moved: (move: LeaseMove) => void
    /** Closed and stored: the next owner can have it. */
    readonly drained: (shard: number, token: number) => void
  }
}

interface Charge {
  readonly place: ShardPlace
  readonly token: number
  readonly store: SessionStore
  readonly saver: SessionSaver
  /** Whether it has a session is known. */
  isLoaded: boolean
  isRunning: boolean
}

export class HeldShards {
  readonly #options: HeldShardsOptions
  readonly #charges = new Map<number, Charge>()
  /** Shards whose last unit here is still closing. */
  readonly #closing = new Map<number, Promise<void>>()

  constructor(options: HeldShardsOptions) {
    this.#options = options
  }

  /** The token that a shard is held by. */
  token(shard: number): number | undefined {
    return this.#charges.get(shard)?.token
  }

  /** Cuts what is left. Resolves when every connection is gone. */
  async cutAll(reason: CutReason): Promise<void> {
    for (const shard of [...this.#charges.keys()]) this.cut(shard, reason)
    await Promise.all(this.#closing.values())
  }

  /** Loads the session and runs the shard. */
  async serve(shard: number, token: number, wasClaimed: boolean): Promise<void> {
    const { sessions, fleet, clock, log, on, sets } = this.#options
    const set = sets().find((one) => hasSlot(one, shard))
    if (set === undefined) throw new Error(`slot ${shard} is of no set that the bot has`)
    const place = { slot: shard, shard: shard - set.firstSlot, count: set.count }
    const store = sessions(place, token)
    const saver = new SessionSaver({
      store,
      clock,
      onError: (error) => log.debug({ err: error, ...logFields(place) }, "a session could not be stored; trying again"),
    })
    const charge: Charge = { place, token, store, saver, isLoaded: false, isRunning: false }
    this.#charges.set(shard, charge)
    on.moved({ direction: "in", reason: wasClaimed ? "free" : "handed-over" })
    // One connection of a shard at a time, also where the last one is still closing.
    await this.#closing.get(shard)
    const session = await this.#loaded(shard, charge, () => store.load(shard))
    if (session === undefined) return
    charge.isLoaded = true
    // Nobody identifies for a set that closes.
    if (session === null && isClosing(sets(), shard)) return
    const gate = await this.#gate(shard, charge, place)
    if (gate === "not-ours") return
    charge.isRunning = true
    const isHeld = () => this.#charges.get(shard) === charge && clock.nowMs() < this.#options.heldUntilMs()
    fleet.add(new Map([[shard, session]]), {
      ...{ set, saver, dial: leasedDial(this.#options.dial, isHeld), isBeside: () => !isOfBot(sets(), shard) },
      ...(gate !== null && { gate }),
    })
    on.changed()
  }

  /** While the bot is resharded: what decides which of the shard's events are published. */
  async #gate(shard: number, charge: Charge, place: ShardPlace): Promise<GuildGate | null | "not-ours"> {
    const { sets, gate } = this.#options
    if (sets().length < 2) return null
    const found = await this.#loaded(shard, charge, async () => (await gate(place)) ?? null)
    return found === undefined ? "not-ours" : found
  }

  /** Tries until it succeeds. Undefined: the shard is not ours any more. */
  async #loaded<T>(shard: number, charge: Charge, load: () => Promise<T>): Promise<T | undefined> {
    const { clock, log } = this.#options
    while (this.#charges.get(shard) === charge) {
      try {
        const loaded = await load()
        return this.#charges.get(shard) === charge ? loaded : undefined
      } catch (error) {
        log.warn({ err: error, ...logFields(charge.place) }, "a session could not be loaded; trying again")
        await sleep(clock, RETRY_MS, NEVER)
      }
    }
    return undefined
  }

  /** Stops reading, waits for confirms, stores the session, closes; then tells `drained`. */
  async drain(shard: number, token: number): Promise<void> {
    const { fleet, clock, log, on } = this.#options
    const charge = this.#charges.get(shard)
    if (charge?.token !== token) return
    const isOurs = () => this.#charges.get(shard) === charge
    if (charge.isRunning) {
      await this.#identified(shard, isOurs)
      if (!isOurs()) return
      const isConfirmed = await settlesWithin(clock, DRAIN_WITHIN_MS, fleet.drain(shard))
      if (!isOurs()) return
      if (!isConfirmed) {
        log.warn(logFields(charge.place), "not every event was confirmed in time: who takes the shard gets them again")
        await this.#endWrites(shard, isOurs)
        if (!isOurs()) return
      }
      const isSaved = await settlesWithin(clock, SAVE_WITHIN_MS, charge.saver.close()).catch(() => false)
      if (!isOurs()) return
      if (!isSaved)
        log.warn(logFields(charge.place), "the last session could not be stored: some events will come twice")
    }
    log.info(logFields(charge.place), "handing the shard over")
    on.moved({ direction: "out", reason: "handed-over" })
    await this.#letGo(shard, charge)
    on.drained(shard, token)
  }

  /** Of a set that closes: resumes it where need be, publishes what is left of it, and forgets its session; then tells `drained`. */
  async retire(shard: number, token: number): Promise<void> {
    const { fleet, clock, log, on } = this.#options
    const charge = this.#charges.get(shard)
    if (charge?.token !== token) return
    const isOurs = () => this.#charges.get(shard) === charge
    // However long that takes: once the session is forgotten, nobody can have replayed what was not confirmed.
    while (isOurs() && !isSettled(charge, fleet.units.get(shard))) await sleep(clock, POLL_MS, NEVER)
    if (!isOurs()) return
    await fleet.drain(shard)
    const isConfirmed = (fleet.units.get(shard)?.status.windowEvents ?? 0) === 0
    if (!isOurs() || !isConfirmed) return
    await this.#forgotten(shard, charge)
    if (!isOurs()) return
    log.info(logFields(charge.place), "the shard's set is closed, and with it its session")
    on.moved({ direction: "out", reason: "ended" })
    await this.#letGo(shard, charge)
    on.drained(shard, token)
  }

  /** Tries until the session is gone. */
  async #forgotten(shard: number, charge: Charge): Promise<void> {
    const { clock, log } = this.#options
    charge.saver.abandon()
    while (this.#charges.get(shard) === charge) {
      try {
        return await charge.store.drop(shard)
      } catch (error) {
        log.debug({ err: error, ...logFields(charge.place) }, "a session could not be deleted; trying again")
        await sleep(clock, RETRY_MS, NEVER)
      }
    }
  }

  /** What is on its way still could be written after the next owner's: the connection is ended first. */
  async #endWrites(shard: number, isOurs: () => boolean): Promise<void> {
    const { clock, log, drop, endWrites } = this.#options
    drop(shard)
    while (isOurs()) {
      try {
        return await endWrites()
      } catch (error) {
        log.debug({ err: error, slot: shard }, "connections cannot be ended; trying again")
        await sleep(clock, RETRY_MS, NEVER)
      }
    }
  }

  async #identified(shard: number, isOurs: () => boolean): Promise<void> {
    const { clock, fleet } = this.#options
    const untilMs = clock.nowMs() + IDENTIFY_WITHIN_MS
    while (isOurs() && clock.nowMs() < untilMs && fleet.units.get(shard)?.status.phase === "identifying") {
      await sleep(clock, POLL_MS, NEVER)
    }
  }

  /** Closes at once, and writes nothing more for the shard. */
  cut(shard: number, reason: CutReason): void {
    const charge = this.#charges.get(shard)
    if (charge === undefined) return
    const { log, on } = this.#options
    log.warn({ ...logFields(charge.place), reason }, CUT_BECAUSE[reason])
    on.moved({ direction: "out", reason })
    void this.#letGo(shard, charge)
  }

  /** Closes, and writes nothing more for the shard. */
  #letGo(shard: number, charge: Charge): Promise<void> {
    const { fleet, drop, on } = this.#options
    this.#charges.delete(shard)
    charge.saver.abandon()
    const gone = fleet.remove(shard)
    // Closing hands what was decoded over to the broker.
    drop(shard)
    const closing = gone.finally(() => {
      if (this.#closing.get(shard) === closing) this.#closing.delete(shard)
    })
    this.#closing.set(shard, closing)
    on.changed()
    return closing
  }
}

/** The bot's is the first. */
function isOfBot([set]: readonly ShardSet[], slot: number): boolean {
  return set === undefined || hasSlot(set, slot)
}

function isClosing(sets: readonly (ShardSet | OtherSet)[], slot: number): boolean {
  return sets.some((set) => hasSlot(set, slot) && "isClosing" in set && set.isClosing)
}

/** It has read all that Discord has of its session, or has none. */
function isSettled({ isLoaded, isRunning }: Charge, unit: ShardUnit | undefined): boolean {
  if (!isRunning || unit === undefined) return isLoaded
  const { phase, sessionId } = unit.status
  return phase === "live" || phase === "stopped" || (sessionId === null && phase !== "identifying")
}

const CUT_BECAUSE: Readonly<Record<CutReason, string>> = {
  expired: "the lease could not be renewed in time: the shard is closed, and the session kept",
  taken: "the lease is another process's: the shard is closed here",
  fenced: "this process's lease passed: the shard is closed here",
}
