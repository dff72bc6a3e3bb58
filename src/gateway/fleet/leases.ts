// This process's part in the fleet: carries out what step.ts decides. Owns the beats, the timers, and through held-shards.ts
// the shards that it has leases for.

import type { Clock } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import { Timers } from "../../flow/timers.ts"
import type { LeaseMove } from "../../ops/fleet-metrics.ts"
import type { Logger } from "../../ops/log.ts"
import type { Fleet } from "../fleet.ts"
import type { Ownership } from "../ownership.ts"
import type { GuildGate } from "../reshard/guild-gate.ts"
import { isSameSet, type ShardPlace, type ShardSet } from "../shard-set.ts"
import type { Dial } from "../socket.ts"
import type { HandOver, OrderResult } from "../steering/node.ts"
import type { Admission } from "./admission.ts"
import { canTake } from "./decisions.ts"
import { fenceNode, sweepStrays } from "./ending.ts"
import type { SessionsUnderLease } from "./fenced-sessions.ts"
import { HeldShards } from "./held-shards.ts"
import type { Beat, Ledger, OtherSet } from "./ledger.ts"
import { type LoadLimit, LoadWatch } from "./load.ts"
import type { Effect, Input, MemberOptions, MemberState, TimerName } from "./member-state.ts"
import { newMember } from "./member-state.ts"
import { step } from "./step.ts"

/** A beat that is not answered within this part of a lease is given up. */
const ANSWER_SHARE = 0.3
/** Of the time to stop; the rest is for letting go. */
const LEAVE_SHARE = 0.9

export interface LeasesOptions {
  readonly member: MemberOptions
  readonly ledger: Ledger
  readonly sessions: SessionsUnderLease
  readonly admission: Admission
  readonly fleet: Fleet
  readonly dial: Dial
  /** Absent: however busy the process is, it takes its share. */
  readonly load?: LoadLimit
  readonly gate: (shard: ShardPlace) => Promise<GuildGate | undefined>
  /** Publishes nothing more of what was handed over of a shard. */
  readonly drop: (shard: number) => void
  readonly clock: Clock
  readonly log: Logger
  readonly on: {
    /** Shards came or went, or the bot has another set of them. */
    readonly changed: () => void
    /** The ledger was read. @param isResharded whether it knows two sets of shards */
    readonly read: (isResharded: boolean) => void
    readonly moved: (move: LeaseMove) => void
    /** The connections of a dead process were ended. */
    readonly fenced: () => void
    /** How much of one CPU the process has used of late. */
    readonly measured: (load: number) => void
    /** Only an operator can mend this. */
    readonly refused: (message: string) => void
  }
}

export class Leases implements Ownership {
  readonly #options: LeasesOptions
  readonly #timers: Timers<TimerName>
  readonly #held: HeldShards
  readonly #load: LoadWatch | null
  /** Inputs that came while another was carried out. Bounded by what one input's effects can cause. */
  readonly #inputs: Input[] = []
  readonly #left = Promise.withResolvers<void>()
  /** Those who wait until a shard, or all of them, are gone. */
  readonly #watchers = new Set<() => void>()
  #state: MemberState
  #stepping = false
  #waitedFor: string | null = null
  /** Shards for which no process has room. */
  #homeless = 0

  constructor(options: LeasesOptions) {
    this.#options = options
    this.#state = newMember(options.member)
    const { ledger, member } = options
    this.#held = new HeldShards({
      ...options,
      heldUntilMs: () => this.#state.heldUntilMs,
      sets: () => this.sets,
      endWrites: () => ledger.fence(member.id),
      on: { ...options.on, drained: (shard, token) => this.#input({ type: "drained", shard, token }) },
    })
    this.#load = options.load === undefined ? null : this.#watchLoad(options.load)
    this.#timers = new Timers(options.clock, (timer) => this.#input({ type: timer === "beat" ? "ask" : "expired" }))
  }

  get waitsFor(): string | null {
    const { book, heldUntilMs, holdings } = this.#state
    if (book === null) return "the leases in Redis have not been read yet"
    if (heldUntilMs <= this.#options.clock.nowMs()) return "its lease could not be renewed: is Redis there?"
    const waitMs = book.claimFromMs - book.nowMs
    if (holdings.size > 0 || canTake(book)) return null
    if (waitMs <= 0) return "the connections of gateways that Redis may have forgotten are being ended"
    return `Redis may not know who runs the shards yet: none is taken for another ${Math.ceil(waitMs / 1_000)} s`
  }

  get set(): ShardSet {
    return this.#state.options.set
  }

  /** The bot's shards, and those that come up beside them. */
  get sets(): readonly (ShardSet | OtherSet)[] {
    const { book, options } = this.#state
    if (book === null) return [options.set]
    return book.other === null ? [book.set] : [book.set, book.other]
  }

  /** Among the processes that live, by name: where one of them has to do what all could. */
  get isFirst(): boolean {
    const { book, options } = this.#state
    const living = (book?.nodes ?? []).filter(({ isDead }) => !isDead).map(({ id }) => id)
    return living.length > 0 && living.every((id) => options.id <= id)
  }

  get handOver(): HandOver {
    return {
      node: this.#options.member.id,
      draining: this.#state.isDraining,
      drain: () => this.#drainAll(),
      move: (shardId, to) => this.#move(shardId, to),
    }
  }

  /** What stands in the ledger, for operators; null before it was read. */
  get book() {
    return this.#state.book
  }

  async start(): Promise<void> {
    const { ledger, admission } = this.#options
    this.#load?.start()
    ledger.onChange(() => this.#input({ type: "ask" }))
    admission.onAsked(() => this.#input({ type: "ask" }))
    this.#input({ type: "ask" })
  }

  /** The connection of a shard, by slot, came up or went down. */
  live(shard: number, isLive: boolean): void {
    const token = this.#held.token(shard)
    if (token !== undefined) this.#input({ type: "live", shard, token, isLive })
  }

  async stop(withinMs: number): Promise<void> {
    const { clock, log } = this.#options
    this.#input({ type: "leave" })
    const isOut = await settlesWithin(clock, withinMs * LEAVE_SHARE, this.#left.promise)
    if (!isOut) log.warn({}, "not every shard could be handed over in time: others take the rest once its lease passes")
    this.#load?.stop()
    this.#timers.cancel("beat")
    this.#timers.cancel("expiry")
    await settlesWithin(clock, withinMs * (1 - LEAVE_SHARE), this.#held.cutAll("expired"))
  }

  #input(input: Input): void {
    this.#inputs.push(input)
    if (this.#stepping) return
    this.#stepping = true
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next)
    this.#stepping = false
    for (const watch of this.#watchers) watch()
  }

  #step(input: Input): void {
    const { clock, fleet } = this.#options
    const { state, effects } = step(this.#state, input, {
      nowMs: clock.nowMs(),
      isIdentifying: (shard) => fleet.units.get(shard)?.status.phase === "identifying",
    })
    const isOtherSet = !isSameSet(state.options.set, this.#state.options.set)
    this.#state = state
    for (const effect of effects) this.#carryOut(effect)
    if (isOtherSet) this.#options.on.changed()
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case "beat":
        return void this.#beat(effect.beat)
      case "serve":
        return void this.#held.serve(effect.shard, effect.token, effect.wasClaimed)
      case "drain":
        return void this.#held.drain(effect.shard, effect.token)
      case "retire":
        return void this.#held.retire(effect.shard, effect.token)
      case "cut":
        return this.#held.cut(effect.shard, effect.reason)
      case "fence":
        return void fenceNode(this.#options, effect.node).then((input) => this.#input(input))
      case "sweep":
        return void sweepStrays(this.#options, effect.ledger, effect.spared).then((input) => this.#input(input))
      case "timer":
        return this.#timers.start(effect.timer, effect.delayMs)
      case "cancel":
        return this.#timers.cancel(effect.timer)
      case "other-count":
        return this.#options.on.refused(otherCount(this.#options.member.set.count, effect.set.count))
      case "left":
        return this.#left.resolve()
    }
  }

  async #beat(beat: Beat): Promise<void> {
    const { ledger, clock, admission, member, log } = this.#options
    const sentMs = clock.nowMs()
    const number = admission.beatSent()
    const asked = ledger.exchange(beat)
    let isInTime = false
    try {
      isInTime = await settlesWithin(clock, member.leaseMs * ANSWER_SHARE, asked)
    } catch (error) {
      log.debug({ err: error }, "the leases could not be read")
    }
    if (!isInTime) {
      asked.catch(() => {})
      return this.#input({ type: "no-answer" })
    }
    const answer = await asked
    this.#input({ type: "answer", answer, sentMs })
    this.#options.on.read(answer.book.other !== null)
    this.#tell()
    if (answer.type === "member") admission.answered(number)
  }

  /** What an operator should know, once each time that it begins. */
  #tell(): void {
    const { waitsFor } = this
    if (waitsFor !== null && this.#waitedFor === null) this.#options.log.info({}, `no shards yet: ${waitsFor}`)
    this.#waitedFor = waitsFor
    const homeless = this.#state.plan?.homeless.length ?? 0
    // Whoever hands over what it has is not the one to tell.
    if (homeless > 0 && this.#homeless === 0 && !this.#state.isDraining) {
      const message = "shards run nowhere, since no process may take more: raise shards.max, or start another gateway"
      this.#options.log.error({ shards: homeless }, message)
    }
    this.#homeless = homeless
  }

  #watchLoad(limit: LoadLimit): LoadWatch {
    const { clock, log, on } = this.#options
    const onMeasured = (load: number, isOver: boolean) => {
      on.measured(load)
      this.#input({ type: "measured", isOver })
    }
    return new LoadWatch({ ...limit, clock, log, onMeasured })
  }

  async #drainAll(): Promise<OrderResult> {
    this.#input({ type: "drain" })
    await this.#until(() => this.#state.holdings.size === 0)
    return { type: "done" }
  }

  /** @param shardId of the bot's set */
  async #move(shardId: number, to: string): Promise<OrderResult> {
    const { id } = this.#options.member
    const shard = this.set.firstSlot + shardId
    const refused = (why: string) =>
      ({ type: "refused", reason: `Cannot move shard ${shardId} to ${to}: ${why}` }) as const
    const holding = this.#state.holdings.get(shard)
    if (holding?.stage !== "serving") return refused(`it is not ${id} that runs it now.`)
    if (to === id) return refused("it runs there already.")
    const target = this.#state.book?.nodes.find((node) => node.id === to)
    if (target === undefined || target.isDead) return refused("there is no such process; see spectacles shards.")
    if (target.isDraining) return refused("it is draining and takes no shards.")
    this.#input({ type: "move", shard, to })
    await this.#until(() => this.#state.holdings.get(shard)?.token !== holding.token)
    return { type: "done" }
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watch = () => {
        if (!condition()) return
        this.#watchers.delete(watch)
        resolve()
      }
      this.#watchers.add(watch)
      watch()
    })
  }
}

function otherCount(ours: number, theirs: number): string {
  return `Cannot join the bot's other gateways: they run ${theirs} shards and shards.count says ${ours}; give all of them the same count.`
}
