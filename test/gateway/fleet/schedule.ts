// A random schedule of a whole fleet on a fake clock: gateways come, crash, pause and leave, messages are late or lost, the
// ledger is away, restarts, or falls back to what a replica knew. What must never be is checked at every event, what must be
// in the end after a calm. Long because a world is one thing: nodes, ledger, network and what is observed of them.

import type { Answer, Beat } from "../../../src/gateway/fleet/ledger.ts"
import { judge, UNJUDGED } from "../../../src/gateway/fleet/load.ts"
import {
  type Effect,
  type Input,
  type MemberOptions,
  type MemberState,
  newMember,
  type WaveBounds,
} from "../../../src/gateway/fleet/member-state.ts"
import { step } from "../../../src/gateway/fleet/step.ts"
import { firstSet, isSameSet, type ShardSet, slotsOf } from "../../../src/gateway/shard-set.ts"
import { type Random, seeded } from "../simulation/random.ts"
import { ModelLedger } from "./model-ledger.ts"

export const LEASE_MS = 1_000
const TROUBLE_MS = 6 * LEASE_MS
const CALM_MS = 8 * LEASE_MS
/** Of the calm: from here on nothing may move any more. */
const SETTLED_MS = TROUBLE_MS + 6 * LEASE_MS
const WRITE_EVERY_MS = LEASE_MS / 4
const MEASURE_EVERY_MS = LEASE_MS / 2
/** Clocks run so much faster or slower than the ledger's, at most. */
const DRIFT = 0.05
const ANSWER_WITHIN_MS = 0.3 * LEASE_MS

export interface ScheduleResult {
  readonly problems: readonly string[]
  readonly takeovers: number
  readonly refusedWrites: number
  readonly faults: number
  /** The ledger lost all twice within a lease or so. */
  readonly lossesInARow: number
  /** The ledger lost something, or went back, and no connection that publishes ended by that. */
  readonly silentLosses: number
  /** Writes on a connection that was ended because its node was not back when the ledger was opened. */
  readonly strayWrites: number
}

export function runSchedule(seed: number): ScheduleResult {
  return new World(seed).run()
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** A connection that publishes, as the server sees it. */
interface Connection {
  isOpen: boolean
  /** Ended since its node was not back. */
  isSwept: boolean
  /** The node has been let in. */
  isAdmitted: boolean
  /** The last write of it so far: a connection keeps the order. */
  arrivesMs: number
  /** Let in by the answer to a beat that is sent after this one. */
  readonly afterBeat: number
}

interface Charge {
  readonly token: number
  isRunning: boolean
  isDraining: boolean
}

class Node {
  readonly id: string
  readonly rate: number
  state: MemberState
  /** So many shards are more than it should run; null: its load is not measured. */
  readonly mostShards: number | null
  judgement = UNJUDGED
  readonly charges = new Map<number, Charge>()
  readonly timers = new Map<string, number>()
  connection: Connection
  beats = 0
  timerSerial = 0
  isAlive = true
  isPaused = false
  isCutOff = false
  /** What came while it was paused. */
  readonly missed: (() => void)[] = []

  constructor(
    id: string,
    rate: number,
    mostShards: number | null,
    options: Omit<MemberOptions, "id" | "capacity" | "leaseMs">,
  ) {
    this.id = id
    this.rate = rate
    this.mostShards = mostShards
    this.state = newMember({ ...options, id, capacity: 1_000, leaseMs: LEASE_MS })
    this.connection = { isOpen: true, isSwept: false, isAdmitted: false, arrivesMs: 0, afterBeat: 0 }
  }
}

class World {
  readonly #random: Random
  readonly #ledger = new ModelLedger()
  /** The bot's in the end. */
  #set: ShardSet
  /** The bot gets another number of shards meanwhile, or does not after all. Then the ledger never loses all. */
  readonly #reshards: boolean
  readonly #waves: WaveBounds
  /** Shards that were handed over to balance and are not live yet, with their taker. */
  readonly #onTheirWay = new Map<number, { readonly from: Node; readonly token: number; readonly to: string }>()
  readonly #nodes: Node[] = []
  readonly #problems: string[] = []
  /** By shard: the token of the last write that was accepted. */
  readonly #accepted = new Map<number, number>()
  #events: Event[] = []
  #nowMs = 1_000_000
  #order = 0
  #endMs = 0
  #isLedgerUp = true
  #isFailoverDue = false
  #isCalm = false
  #takeovers = 0
  #refusedWrites = 0
  #faults = 0
  #lossesInARow = 0
  #silentLosses = 0
  #strayWrites = 0

  constructor(seed: number) {
    this.#random = seeded(seed)
    this.#set = firstSet(1 + this.#random.int(8))
    this.#waves = { perTaker: 1 + this.#random.int(3), perGiver: 1 + this.#random.int(2) }
    this.#reshards = this.#random.chance(0.3)
    this.#endMs = this.#nowMs + TROUBLE_MS + CALM_MS
  }

  run(): ScheduleResult {
    this.#ledger.onChanged = (by, about) => this.#nudge(by, about)
    const first = 1 + this.#random.int(3)
    for (let i = 0; i < first; i += 1) this.#join()
    this.#trouble()
    if (this.#reshards) this.#reshard()
    this.#at(TROUBLE_MS, () => this.#calm())
    let before = ""
    this.#at(SETTLED_MS, () => {
      before = this.#ownership()
    })
    while (this.#problems.length === 0) {
      const event = this.#next()
      if (event === null || event.atMs > this.#endMs) break
      this.#nowMs = event.atMs
      event.run()
    }
    if (this.#problems.length === 0) this.#checkEnd(before)
    return {
      problems: this.#problems,
      takeovers: this.#takeovers,
      refusedWrites: this.#refusedWrites,
      faults: this.#faults,
      lossesInARow: this.#lossesInARow,
      silentLosses: this.#silentLosses,
      strayWrites: this.#strayWrites,
    }
  }

  #trouble(): void {
    const faults = 1 + this.#random.int(6)
    for (let i = 0; i < faults; i += 1) {
      this.#at(this.#random.between(0, TROUBLE_MS * 0.9), () => {
        this.#faults += 1
        const living = this.#nodes.filter(({ isAlive }) => isAlive)
        const node = living.length === 0 ? null : this.#random.pick(living)
        switch (this.#random.int(10)) {
          case 0:
          case 1:
            return void (living.length < 5 && this.#join())
          case 2:
            return void (node !== null && living.length > 1 && this.#crash(node))
          case 3:
            return void (node !== null && living.length > 1 && this.#input(node, { type: "leave" }))
          case 4:
            return void (node !== null && this.#pause(node, this.#random.between(10, 3 * LEASE_MS)))
          case 5:
            return this.#outage(this.#random.between(10, 2.5 * LEASE_MS))
          case 6:
            if (this.#reshards || this.#random.chance(0.3)) return this.#restart("nothing")
            return this.#random.chance(0.3) ? this.#evict() : this.#loseAll()
          case 7:
          case 8:
            return void (node !== null && this.#partition(node, this.#random.between(10, 3 * LEASE_MS)))
          default:
            this.#isFailoverDue = true
        }
      })
    }
  }

  #calm(): void {
    this.#isCalm = true
    this.#isFailoverDue = false
    for (const node of this.#nodes) {
      node.isCutOff = false
      if (node.isPaused) this.#wake(node)
    }
    if (!this.#nodes.some(({ isAlive, state }) => isAlive && state.phase === "in")) this.#join()
  }

  #join(): void {
    const rate = 1 + this.#random.between(-DRIFT, DRIFT)
    const weight = 1 + this.#random.int(2)
    const mostShards = this.#random.chance(0.3) ? 1 + this.#random.int(8) : null
    const node = new Node(`n${this.#nodes.length}`, rate, mostShards, {
      weight,
      set: this.#ledger.book(this.#nowMs).set.count === 0 ? this.#set : this.#ledger.book(this.#nowMs).set,
      waves: this.#waves,
    })
    this.#nodes.push(node)
    this.#connect(node)
    this.#input(node, { type: "ask" })
    this.#write(node)
    this.#measure(node)
  }

  #crash(node: Node): void {
    node.isAlive = false
    node.connection.isOpen = false
  }

  #pause(node: Node, forMs: number): void {
    if (node.isPaused) return
    node.isPaused = true
    this.#at(forMs, () => this.#wake(node))
  }

  /** Everything that came meanwhile is there at once, in no particular order. */
  #wake(node: Node): void {
    if (!node.isPaused) return
    node.isPaused = false
    while (node.missed.length > 0) {
      const [run] = node.missed.splice(this.#random.int(node.missed.length), 1)
      run?.()
    }
  }

  #outage(forMs: number): void {
    this.#isLedgerUp = false
    this.#at(forMs, () => {
      this.#isLedgerUp = true
    })
  }

  #restart(lost: "nothing" | "all"): void {
    this.#ledger.restart(lost)
    this.#endOrStand()
  }

  /** Keys that are deleted end no connection, nor does in a cluster what happens to the server of the leases alone. */
  #endOrStand(): void {
    if (this.#random.chance(0.5)) this.#silentLosses += 1
    else this.#endAllConnections()
  }

  /** Whoever sleeps meanwhile, or is cut off, does not write its part in again. */
  #evict(): void {
    this.#silentLosses += 1
    this.#ledger.evict(this.#random.pick(["about", "nodes", "leases", "changes"] as const))
    const living = this.#nodes.filter(({ isAlive, isPaused }) => isAlive && !isPaused)
    if (living.length < 2) return
    if (this.#random.chance(0.5)) this.#pause(this.#random.pick(living), this.#random.between(LEASE_MS, 3 * LEASE_MS))
    else this.#partition(this.#random.pick(living), this.#random.between(LEASE_MS, 3 * LEASE_MS))
  }

  /**
   * Now and then twice: before those who wait for a lease's time may take what nobody came back for, or just after. At worst one
   * node sleeps through both, and whoever has had its shards meanwhile cannot tell. Nobody knows of such a node any more.
   */
  #loseAll(): void {
    this.#restart("all")
    const living = this.#nodes.filter(({ isAlive }) => isAlive)
    const first = this.#random.int(Math.max(1, living.length))
    const [sleeper, taker] = [...living.slice(first), ...living.slice(0, first)]
    const isWorst = this.#random.chance(0.7)
    if (isWorst && sleeper !== undefined) this.#pause(sleeper, this.#random.between(LEASE_MS, 2 * LEASE_MS))
    if (this.#random.chance(0.3)) return
    this.#at(this.#random.between(isWorst ? LEASE_MS : 0, 1.5 * LEASE_MS), () => {
      if (this.#isCalm) return
      this.#lossesInARow += 1
      this.#restart("all")
      if (isWorst && taker !== undefined) this.#partition(taker, this.#random.between(LEASE_MS, 2 * LEASE_MS))
    })
  }

  /** The replica that takes over lacks the last moments, in which shards changed hands. At worst the one that has them by then is away. */
  #failover(back: () => void): void {
    this.#isFailoverDue = false
    this.#at(this.#random.between(0, LEASE_MS / 4), () => {
      const known = this.#ledger.book(this.#nowMs).leases
      back()
      this.#endOrStand()
      const { leases } = this.#ledger.book(this.#nowMs)
      const forgotten = [...known].find(([shard, { owner }]) => owner !== null && owner !== leases.get(shard)?.owner)
      const owner = this.#nodes.find(({ id, isAlive }) => isAlive && id === forgotten?.[1].owner)
      if (owner === undefined || this.#random.chance(0.3)) return
      if (this.#random.chance(0.5)) this.#pause(owner, this.#random.between(LEASE_MS, 4 * LEASE_MS))
      else this.#partition(owner, this.#random.between(LEASE_MS, 4 * LEASE_MS))
    })
  }

  /** It reaches Discord, but the ledger no more. */
  #partition(node: Node, forMs: number): void {
    node.isCutOff = true
    this.#at(forMs, () => {
      node.isCutOff = false
    })
  }

  #endAllConnections(): void {
    for (const node of this.#nodes) if (node.isAlive) this.#endConnection(node, node.connection)
  }

  #endConnection(node: Node, connection: Connection): void {
    if (!connection.isOpen) return
    connection.isOpen = false
    this.#toNode(node, this.#delay(), () => {
      if (node.connection === connection) this.#connect(node)
    })
  }

  /** The connection has its name on the server before it asks. */
  #connect(node: Node): void {
    node.connection = { isOpen: true, isSwept: false, isAdmitted: false, arrivesMs: 0, afterBeat: node.beats }
    this.#input(node, { type: "ask" })
  }

  #nudge(by: string, about: ReadonlySet<string> | null): void {
    for (const node of this.#nodes) {
      if (node.isAlive && node.id !== by && about?.has(node.id) !== false && this.#random.chance(0.8)) {
        this.#toNode(node, this.#delay(), () => this.#input(node, { type: "ask" }))
      }
    }
  }

  #input(node: Node, input: Input): void {
    if (!node.isAlive || this.#problems.length > 0) return
    const { state, effects } = step(node.state, input, { nowMs: this.#nowMs * node.rate, isIdentifying: () => false })
    node.state = state
    for (const effect of effects) this.#carryOut(node, effect)
  }

  #carryOut(node: Node, effect: Effect): void {
    switch (effect.type) {
      case "beat":
        return this.#beat(node, effect.beat)
      case "serve":
        if (effect.wasClaimed) this.#onTheirWay.delete(effect.shard)
        return this.#serve(node, effect.shard, effect.token)
      case "drain":
        return this.#drain(node, effect.shard, effect.token)
      case "retire":
        return this.#retire(node, effect.shard, effect.token)
      case "cut":
        node.charges.delete(effect.shard)
        return
      case "fence":
        return this.#fence(node, effect.node)
      case "sweep":
        return this.#sweep(node, effect.ledger, effect.spared)
      case "timer":
        return this.#timer(node, effect.timer, effect.delayMs)
      case "cancel":
        node.timers.delete(effect.timer)
        return
      case "left":
        node.isAlive = false
        node.connection.isOpen = false
        return
      case "other-count":
        this.#problems.push(`${node.id} was told of another number of shards`)
    }
  }

  #beat(node: Node, beat: Beat): void {
    const sentMs = this.#nowMs * node.rate
    node.beats += 1
    const number = node.beats
    let isSettled = false
    const settle = (run: () => void) => {
      if (isSettled) return
      isSettled = true
      run()
    }
    this.#toLedger(node, () => {
      const before = this.#isFailoverDue ? this.#ledger.copy() : null
      const owners = before === null ? "" : this.#ownership()
      const answer = this.#ledger.exchange(beat, this.#nowMs)
      if (before !== null && owners !== this.#ownership()) this.#failover(before)
      this.#toNode(node, this.#isLost() ? null : this.#delay(), () =>
        settle(() => this.#onAnswer(node, answer, sentMs, number)),
      )
    })
    this.#toNode(node, ANSWER_WITHIN_MS / node.rate, () => settle(() => this.#input(node, { type: "no-answer" })))
  }

  #onAnswer(node: Node, answer: Answer, sentMs: number, number: number): void {
    this.#input(node, { type: "answer", answer, sentMs })
    const { connection } = node
    if (answer.type === "member" && number > connection.afterBeat) connection.isAdmitted = true
  }

  #serve(node: Node, shard: number, token: number): void {
    const charge: Charge = { token, isRunning: false, isDraining: false }
    node.charges.set(shard, charge)
    this.#toNode(node, this.#delay(), () => {
      if (node.charges.get(shard) !== charge || charge.isDraining || !this.#isHeld(node)) return
      for (const other of this.#nodes) {
        const theirs = other.charges.get(shard)
        const isServing = other.isAlive && !other.isPaused && theirs?.isRunning === true && this.#isHeld(other)
        if (other !== node && isServing) this.#problem(`${node.id} resumed ${shard} while ${other.id} served it`)
      }
      charge.isRunning = true
      this.#takeovers += 1
      this.#toNode(node, this.#delay(), () => {
        this.#onTheirWay.delete(shard)
        this.#input(node, { type: "live", shard, token, isLive: true })
      })
    })
  }

  #isHeld(node: Node): boolean {
    return this.#nowMs * node.rate < node.state.heldUntilMs
  }

  /** Confirmed means that what was written before has arrived; what is late has its connection ended. */
  #drain(node: Node, shard: number, token: number): void {
    const charge = node.charges.get(shard)
    if (charge === undefined) return
    charge.isDraining = true
    charge.isRunning = false
    this.#checkWaves(node, shard, token)
    // Of the trouble nothing is left on its way by then.
    const isQuiet = this.#nowMs > this.#endMs - CALM_MS + LONGEST_DELAY_MS
    this.#toNode(node, 2 * (isQuiet ? SHORT_DELAY_MS : LONGEST_DELAY_MS), () => {
      if (node.charges.get(shard) !== charge) return
      node.charges.delete(shard)
      this.#input(node, { type: "drained", shard, token })
    })
  }

  /** Once it is resumed: what Discord had of the session is published then. */
  #retire(node: Node, shard: number, token: number): void {
    const charge = node.charges.get(shard)
    if (charge?.token !== token) return
    if (charge.isRunning) return this.#drain(node, shard, token)
    this.#toNode(node, SHORT_DELAY_MS, () => this.#retire(node, shard, token))
  }

  /** Another set comes up beside the bot's; later one of the two closes, and is gone once each of its shards has ended. */
  #reshard(): void {
    const from = this.#set
    const to = { firstSlot: from.count, count: 1 + this.#random.int(8) }
    const closes = this.#random.pick(["old", "new"] as const)
    const beginMs = this.#nowMs + this.#random.between(1, TROUBLE_MS * 0.4)
    // Longer than what a failover takes back.
    const openMs = this.#random.between(LEASE_MS / 2, TROUBLE_MS * 0.4)
    let begunMs = Number.POSITIVE_INFINITY
    let isOver = false
    const last = closes === "old" ? to : from
    const lead = () => {
      this.#at(LEASE_MS / 10, lead)
      const { set, other, nodes } = this.#ledger.book(this.#nowMs)
      if (!this.#isLedgerUp || nodes.length === 0) return
      const before = this.#isFailoverDue ? this.#ledger.copy() : null
      // A failover may have taken anything back.
      if (other === null && isSameSet(set, from) && !isOver) {
        this.#ledger.beginReshard(to)
        begunMs = this.#nowMs
      }
      if (this.#nowMs >= begunMs + openMs) this.#ledger.closeSet(closes, 0)
      if (this.#ledger.hasEnded) {
        this.#ledger.endReshard()
        this.#set = last
        isOver = true
      }
      if (before !== null) this.#failover(before)
    }
    this.#at(beginMs - this.#nowMs, lead)
  }

  /** Before a shard leaves its owner to balance: its taker has no more on their way than it takes in at a time. */
  #checkWaves(from: Node, shard: number, token: number): void {
    const { isDraining, holdings } = from.state
    const to = holdings.get(shard)?.to
    if (isDraining || to == null) return
    const isBusy = from.state.book?.nodes.some((node) => node.id === to && node.isBusy)
    if (isBusy === true) this.#problem(`${from.id} hands ${shard} over to ${to}, whose load is over its limit`)
    this.#onTheirWay.set(shard, { from, token, to })
    const { leases, claimFromMs } = this.#ledger.book(this.#nowMs)
    const isOnItsWay = (one: number, { from, token, to }: { from: Node; token: number; to: string }) => {
      const lease = leases.get(one)
      // What waits for longer, though it may be started, holds nobody up.
      if (lease?.owner === to) return this.#nowMs - Math.max(lease.changedMs, claimFromMs) < LEASE_MS
      const charge = from.charges.get(one)
      return from.isAlive && lease?.token === token && charge?.token === token && charge.isDraining
    }
    const all = [...this.#onTheirWay].filter(([one, way]) => isOnItsWay(one, way))
    const incoming = all.filter(([, way]) => way.to === to).length
    const outgoing = all.filter(([one, way]) => way.from === from && from.charges.get(one)?.token === way.token).length
    if (incoming > this.#waves.perTaker) this.#problem(`${incoming} shards are on their way to ${to}`)
    if (outgoing > this.#waves.perGiver) this.#problem(`${from.id} hands ${outgoing} shards over at once`)
  }

  #fence(node: Node, dead: string): void {
    this.#toLedger(node, () => {
      for (const other of this.#nodes) if (other.id === dead) this.#endConnection(other, other.connection)
      this.#toNode(node, this.#isLost() ? null : this.#delay(), () => this.#input(node, { type: "fenced", node: dead }))
    })
    // The answer may be lost.
    this.#toNode(node, LEASE_MS / 2, () => this.#input(node, { type: "fence-failed", node: dead }))
  }

  /** Each connection is looked up first, and ended a little later. */
  #sweep(node: Node, ledger: number, spared: readonly string[]): void {
    this.#toLedger(node, () => {
      let lastMs = 0
      for (const other of this.#nodes) {
        const { connection } = other
        if (spared.includes(other.id) || !connection.isOpen) continue
        const afterMs = this.#delay()
        lastMs = Math.max(lastMs, afterMs)
        this.#at(afterMs, () => {
          connection.isSwept = true
          this.#endConnection(other, connection)
        })
      }
      const answerMs = this.#isLost() ? null : lastMs + this.#delay()
      this.#toNode(node, answerMs, () => this.#input(node, { type: "swept", ledger }))
    })
    // The answer may be lost.
    this.#toNode(node, LEASE_MS / 2, () => this.#input(node, { type: "sweep-failed", ledger }))
  }

  #timer(node: Node, name: string, delayMs: number): void {
    node.timerSerial += 1
    const serial = node.timerSerial
    node.timers.set(name, serial)
    this.#toNode(node, delayMs / node.rate, () => {
      if (node.timers.get(name) !== serial) return
      node.timers.delete(name)
      this.#input(node, { type: name === "beat" ? "ask" : "expired" })
    })
  }

  #measure(node: Node): void {
    const { mostShards } = node
    if (mostShards === null) return
    this.#toNode(node, MEASURE_EVERY_MS, () => {
      node.judgement = judge(node.judgement, node.charges.size + this.#random.between(-0.05, 0.05), mostShards)
      this.#input(node, { type: "measured", isOver: node.judgement.isOver })
      this.#measure(node)
    })
  }

  /** Each node writes for what it runs, whatever it may know, as a socket's events come. */
  #write(node: Node): void {
    this.#toNode(node, WRITE_EVERY_MS * this.#random.between(0.5, 1.5), () => {
      const { connection } = node
      if (connection.isAdmitted) {
        for (const [shard, { token, isRunning }] of node.charges) {
          if (!isRunning) continue
          connection.arrivesMs = Math.max(connection.arrivesMs, this.#nowMs + this.#delay())
          this.#at(connection.arrivesMs - this.#nowMs, () => this.#arrive(connection, shard, token))
        }
      }
      this.#write(node)
    })
  }

  /** At the server: a connection that was ended says nothing any more. */
  #arrive(connection: Connection, shard: number, token: number): void {
    if (!connection.isOpen) {
      this.#refusedWrites += 1
      if (connection.isSwept) this.#strayWrites += 1
      return
    }
    const last = this.#accepted.get(shard) ?? 0
    if (token < last) this.#problem(`a write for ${shard} under ${token} was accepted after one under ${last}`)
    this.#accepted.set(shard, Math.max(last, token))
  }

  #toLedger(node: Node, run: () => void): void {
    if (this.#isLost() || node.isCutOff) return
    this.#at(this.#delay(), () => {
      if (this.#isLedgerUp) run()
    })
  }

  /** @param delayMs null: it never arrives */
  #toNode(node: Node, delayMs: number | null, run: () => void): void {
    if (delayMs === null) return
    this.#at(delayMs, () => {
      if (!node.isAlive) return
      if (node.isPaused) node.missed.push(run)
      else run()
    })
  }

  #isLost(): boolean {
    return !this.#isCalm && this.#random.chance(0.03)
  }

  /** Mostly short; now and then so long that whoever waits has given up. */
  #delay(): number {
    if (!this.#isCalm && this.#random.chance(0.03)) return this.#random.between(0, LONGEST_DELAY_MS)
    return this.#random.between(0.1, SHORT_DELAY_MS)
  }

  #at(delayMs: number, run: () => void): void {
    this.#order += 1
    const event = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run }
    const events = this.#events
    let at = events.length
    events.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = events[parent]
      if (above === undefined || isBefore(above, event)) break
      events[at] = above
      at = parent
    }
    events[at] = event
  }

  #next(): Event | null {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (first === undefined || last === undefined) return null
    if (events.length === 0) return first
    let at = 0
    while (true) {
      let child = 2 * at + 1
      const left = events[child]
      if (left === undefined) break
      const right = events[child + 1]
      const smaller = right !== undefined && isBefore(right, left) ? right : left
      if (smaller === right) child += 1
      if (isBefore(last, smaller)) break
      events[at] = smaller
      at = child
    }
    events[at] = last
    return first
  }

  #problem(text: string): void {
    this.#problems.push(`at ${Math.round(this.#nowMs - 1_000_000)} ms: ${text}`)
  }

  #ownership(): string {
    return JSON.stringify([...this.#ledger.book(this.#nowMs).leases].sort(([a], [b]) => a - b))
  }

  #checkEnd(settled: string): void {
    const living = this.#nodes.filter(({ isAlive }) => isAlive)
    const { set, other } = this.#ledger.book(this.#nowMs)
    if (!isSameSet(set, this.#set) || other !== null) this.#problem("the reshard is not over")
    for (const shard of slotsOf(this.#set)) {
      const by = living.filter(({ charges }) => charges.get(shard)?.isRunning === true)
      if (by.length !== 1) this.#problem(`${shard} is run by ${by.map(({ id }) => id).join(" and ") || "nobody"}`)
    }
    if (this.#ownership() !== settled) this.#problem("shards still move though nothing happens")
    const weight = living.reduce((sum, { state }) => sum + state.options.weight, 0)
    for (const { id, charges, state } of living) {
      const fair = (this.#set.count * state.options.weight) / weight
      // Others have what a busy node does not take.
      const isTooFew = charges.size <= fair - 1 - 1e-9 && state.load?.isOver !== true
      const isTooMany = charges.size >= fair + 1 + 1e-9 && !living.some((node) => node.state.load?.isOver === true)
      if (isTooFew || isTooMany) this.#problem(`${id} runs ${charges.size} shards, and ${fair} were fair`)
      if (state.heldUntilMs < this.#nowMs * 0.9) this.#problem(`${id} has no lease`)
    }
  }
}

/** Nothing is longer on its way. A drain that takes longer ends its own connection. */
const LONGEST_DELAY_MS = 0.5 * LEASE_MS
const SHORT_DELAY_MS = 10

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
