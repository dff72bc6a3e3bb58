// One guild through a reshard, and sometimes back: two sessions that get the same events at different times, processes that crash
// and resume from what they had stored, attempts that fail, messages that take their time.

import {
  ATTEMPT_MS,
  type Change,
  HeldBack,
  Published,
  publishes,
  type Side,
  SKEW_MS,
  type Taking,
} from "../../../../src/gateway/reshard/hand-over.ts"
import { FakeClock } from "../../../fixtures/fake-clock.ts"
import { type Random, seeded } from "../../simulation/random.ts"

const BEGIN_MS = 70_000
const END_MS = 260_000
/** Traffic ends before the rest does, so that everything arrives. */
const QUIET_MS = END_MS - 60_000
const SAVE_MS = 250

interface GuildEvent {
  readonly number: number
  readonly digest: string
}

interface Arrival extends GuildEvent {
  readonly sequence: number
  readonly atMs: number
}

/** What Redis has: changes, and who holds for an attempt just now. */
interface Record {
  readonly changes: Change[]
  attempt: { readonly token: number; readonly by: Side } | null
}

class Session {
  readonly side: Side
  readonly log: Arrival[] = []
  readonly #clock: FakeClock
  readonly #record: Record
  readonly #publish: (side: Side, event: Arrival) => void
  #isUp = true
  #handled = 0
  stored = 0
  #published: Published
  #held: HeldBack<Arrival>
  /** Its own events while it waits for the other side. */
  #waiting: Arrival[] | null = null

  constructor(side: Side, clock: FakeClock, record: Record, publish: (side: Side, event: Arrival) => void) {
    this.side = side
    this.#clock = clock
    this.#record = record
    this.#publish = publish
    this.#published = new Published(0)
    this.#held = new HeldBack(0, 0)
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Discord sends an event, or keeps it while there is no connection. */
  arrive(event: Arrival): void {
    this.log.push(event)
    if (this.#isUp) this.#handle(event)
  }

  #handle(event: Arrival): void {
    this.#handled = event.sequence
    if (this.#waiting !== null) this.#waiting.push(event)
    else if (publishes(this.side, event.sequence, this.#record.changes)) this.#give(event)
    else this.#held.add(event)
  }

  #give(event: Arrival): void {
    this.#published.add(event.digest, event.atMs)
    this.#publish(this.side, event)
  }

  /** Stores how far it is, before anything that is not settled. */
  save(): void {
    if (!this.#isUp) return
    const unsettled = [this.#waiting?.[0]?.sequence, this.#held.heldFrom ?? undefined]
    this.stored = Math.min(this.#handled, ...unsettled.map((sequence) => (sequence ?? Number.POSITIVE_INFINITY) - 1))
  }

  crash(): void {
    this.#isUp = false
  }

  /** Another process resumes: whatever the last one had begun is over. */
  resume(): void {
    const nowMs = this.#clock.nowMs()
    if (this.#record.attempt?.by === this.side) this.#record.attempt = null
    this.#isUp = true
    this.#waiting = null
    this.#handled = this.stored
    this.#published = new Published(nowMs)
    this.#held = new HeldBack(nowMs, this.stored)
    for (const event of this.log) if (event.sequence > this.stored) this.#handle({ ...event, atMs: nowMs })
  }

  /** Publishes no more and tells what came last; null when it cannot yet. */
  stop(): { readonly tail: readonly string[]; readonly sequence: number } | null {
    const tail = this.#published.tail(this.#clock.nowMs())
    if (tail === null) return null
    this.#waiting = []
    return { tail, sequence: this.#handled }
  }

  take(tail: readonly string[]): Taking<Arrival> {
    return this.#held.take(tail, this.#clock.nowMs())
  }

  /** The change is stored, or the attempt is over: everything that waited is decided by what is stored. */
  settle(): void {
    const nowMs = this.#clock.nowMs()
    const waiting = this.#waiting
    this.#waiting = null
    if (waiting === null) return
    if (!publishes(this.side, this.#handled + 1, this.#record.changes)) {
      this.#held = new HeldBack(nowMs, waiting[0] === undefined ? this.#handled : waiting[0].sequence - 1)
    }
    for (const event of waiting) this.#handle(event)
  }

  takeOver(events: readonly Arrival[]): void {
    this.#published = new Published(this.#clock.nowMs())
    this.#held = new HeldBack(this.#clock.nowMs(), this.#handled)
    for (const event of events) this.#give(event)
  }
}

export interface GuildResult {
  readonly problems: readonly string[]
  readonly changes: number
  readonly crashes: number
  readonly repeated: number
}

export function runGuild(seed: number, variety: number): GuildResult {
  return new Guild(seededOf(seed, variety), variety).run()
}

function seededOf(seed: number, variety: number): Random {
  return seeded(seed * 7 + variety)
}

class Guild {
  readonly #random: Random
  readonly #clock = new FakeClock()
  readonly #record: Record = { changes: [], attempt: null }
  readonly #sessions: Readonly<{ [S in Side]: Session }>
  /** The ids under which each event was published. */
  readonly #ids = new Map<number, string[]>()
  readonly #first: number[] = []
  #sent = 0
  #tokens = 0
  #crashes = 0
  #wanted: Side[]

  constructor(random: Random, variety: number) {
    this.#random = random
    const publish = (side: Side, event: Arrival) => this.#onPublished(side, event)
    this.#sessions = {
      old: new Session("old", this.#clock, this.#record, publish),
      new: new Session("new", this.#clock, this.#record, publish),
    }
    this.#wanted = random.chance(0.3) ? ["new", "old"] : ["new"]
    this.#schedule(variety)
  }

  run(): GuildResult {
    while (this.#clock.nowMs() < END_MS && this.#clock.step());
    const problems: string[] = []
    let repeated = 0
    for (let number = 0; number < this.#sent; number += 1) {
      const ids = this.#ids.get(number) ?? []
      if (ids.length === 0) problems.push(`event ${number} is missing`)
      if (new Set(ids).size > 1) repeated += 1
    }
    const inOrder = this.#first.every((number, index) => index === 0 || number > (this.#first[index - 1] ?? 0))
    if (!inOrder) problems.push("first entries are out of order")
    if (this.#wanted.length > 0) problems.push(`it never went to ${this.#wanted[0]}`)
    return { problems, repeated, changes: this.#record.changes.length, crashes: this.#crashes }
  }

  #onPublished(side: Side, { number, sequence }: Arrival): void {
    const ids = this.#ids.get(number) ?? []
    if (ids.length === 0) this.#first.push(number)
    this.#ids.set(number, [...ids, `${side}:${sequence}`])
  }

  #schedule(variety: number): void {
    const random = this.#random
    const gapMs = random.pick([300, 2_000, 30_000])
    const slowestMs = random.pick([5, 800, SKEW_MS * 0.9])
    const lastMs = { old: 0, new: 0 }
    for (let atMs = random.int(1_000); atMs < QUIET_MS; atMs += 1 + random.int(2 * gapMs)) {
      const digest = variety === 0 ? `e${this.#sent}` : `e${random.int(variety)}`
      const number = this.#sent
      this.#sent += 1
      for (const side of ["old", "new"] as const) {
        lastMs[side] = Math.max(lastMs[side], atMs + random.int(slowestMs))
        const arrival = { number, digest, sequence: number + (side === "old" ? 1_000 : 1), atMs: lastMs[side] }
        this.#clock.after(arrival.atMs, () => this.#sessions[side].arrive(arrival))
      }
    }
    for (let atMs = SAVE_MS; atMs < END_MS; atMs += SAVE_MS) {
      this.#clock.after(atMs, () => {
        this.#sessions.old.save()
        this.#sessions.new.save()
      })
    }
    this.#clock.after(BEGIN_MS + random.int(5_000), () => this.#attempt())
    const crashes = random.pick([0, 0, 1, 2])
    for (let i = 0; i < crashes; i += 1) this.#clock.after(BEGIN_MS + random.int(30_000), () => this.#crashOne())
  }

  #crashOne(): void {
    const session = this.#random.pick([this.#sessions.old, this.#sessions.new])
    if (!session.isUp) return
    this.#crashes += 1
    session.crash()
    this.#clock.after(this.#random.int(4_000), () => session.resume())
  }

  #attempt(): void {
    const [to] = this.#wanted
    if (to === undefined) return
    const giver = this.#sessions[to === "new" ? "old" : "new"]
    const taker = this.#sessions[to]
    const stopped = giver.isUp ? giver.stop() : null
    if (stopped === null) return this.#again()
    this.#tokens += 1
    const token = this.#tokens
    const attempt = { token, by: giver.side }
    this.#record.attempt = attempt
    const isOn = () => this.#record.attempt === attempt
    let isStored = false
    const poll = () => {
      if (!isOn()) return
      const taking = taker.isUp ? taker.take(stopped.tail) : null
      if (taking?.type !== "taken") return void this.#clock.after(200, poll)
      // One step in Redis: refused when the attempt is over.
      const position = { [giver.side]: stopped.sequence, [taker.side]: taking.after }
      this.#record.changes.push({ to, oldSequence: position["old"] ?? 0, newSequence: position["new"] ?? 0 })
      this.#record.attempt = null
      isStored = true
      this.#wanted = this.#wanted.slice(1)
      // It may crash before it publishes what it took: then the replay is decided by what is stored.
      if (this.#random.chance(0.1)) {
        this.#crashes += 1
        taker.crash()
        this.#clock.after(this.#random.int(3_000), () => taker.resume())
      } else taker.takeOver(taking.events)
      this.#clock.after(this.#random.int(1_000), () => giver.isUp && giver.settle())
      this.#again()
    }
    this.#clock.after(this.#random.int(500), poll)
    this.#clock.after(ATTEMPT_MS, () => {
      if (this.#wanted[0] !== to || isStored) return
      // Where the giver crashed, its resume has ended the attempt.
      if (isOn()) this.#record.attempt = null
      if (giver.isUp) giver.settle()
      this.#again()
    })
  }

  #again(): void {
    this.#clock.after(this.#random.between(2_000, 8_000), () => this.#attempt())
  }
}
