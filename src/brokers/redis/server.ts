// One Redis server that is published to: keeps a connection to it, sends rounds of transactions one after another, and
// sends again what was not executed. Whatever passes by itself is waited out, however long it takes; it shows as batches
// that stay unconfirmed, and once in the log.
//
//   gather ─▶ round in flight ─▶ all executed (─▶ replicas have it) ─▶ gather …
//                │  └─ some refused: give back, wait (LOADING, OOM …) or reconnect (READONLY …), gather again
//                └─ connection lost: give back, connect, gather again: duplicates carry the same `id`

import { type BackoffOptions, backoffMs } from "../../flow/backoff.ts"
import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import { describeAddress, type RedisAddress } from "./address.ts"
import { command } from "./commands.ts"
import type { Connect, RedisConnection } from "./connection.ts"
import { type Remedy, remedyOf } from "./error-replies.ts"
import type { Lane } from "./lane.ts"
import { refusedEvents, refusedLogin } from "./refusals.ts"
import { type Failure, Round, RoundBuffer } from "./round.ts"
import type { WriteFence } from "./write-fence.ts"
import { newGuard, type WriteGuard } from "./write-guard.ts"

/** Before another connection, and before sending again what was refused. */
const BACKOFF: BackoffOptions = { baseMs: 100, capMs: 2_000 }
/** A connection, the login included. */
const CONNECT_WITHIN_MS = 5_000
/** A round's replies. A server that takes longer is taken for dead: what it did execute comes twice, with equal ids. */
const REPLY_WITHIN_MS = 10_000
/** What the server waits for its replicas before it says how many have everything. */
const REPLICATE_WITHIN_MS = 1_000
/** A connection that lasted so long was a good one: the next is tried at once. */
const GOOD_CONNECTION_MS = 10_000

/** `blocked`: connected, but the server takes no events for the time being. */
export type ServerState = "up" | "blocked" | "down"

export interface ServerOptions {
  readonly address: RedisAddress
  readonly connect: Connect
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  /** How many replicas must have a round before it is confirmed; 0 where absent. */
  readonly replicas?: number
  /** Absent: nobody else writes for our shards. */
  readonly fence?: WriteFence
  readonly on: {
    /** Logged in, each time. */
    readonly ready: () => void
    readonly state: (server: string, state: ServerState) => void
    /** The connection ended, or was never made. */
    readonly lost: (reason: string) => void
    /** Another server of the cluster has the lane's slot. */
    readonly moved: (lane: Lane, to: { readonly address: string; readonly once: boolean }) => void
    /** Only an operator can mend this. The server is closed. */
    readonly failed: (error: Error) => void
  }
}

export class RedisServer {
  readonly #options: ServerOptions
  readonly #name: string
  readonly #log: Logger
  readonly #lanes = new Set<Lane>()
  readonly #buffer = new RoundBuffer()
  #connection: RedisConnection | null = null
  #readyMs: number | null = null
  /** The connection's, where the fence cannot end it. */
  #guard: WriteGuard | null = null
  #round: Round | null = null
  /** When the round was sent, or the replicas were last asked for. */
  #askedMs = 0
  /** The round was executed, and WAIT is under way. */
  #isReplicating = false
  /** Failures in a row. */
  #attempt = 0
  /** Waits before connecting or sending again. */
  #cancelPause: (() => void) | null = null
  #cancelWatch: (() => void) | null = null
  /** What the log said last: null is that all is well. */
  #trouble: string | null = null
  #closed = false

  constructor(options: ServerOptions) {
    this.#options = options
    this.#name = describeAddress(options.address)
    this.#log = options.log.child({ redis: this.#name })
    this.#connect()
  }

  add(lane: Lane): void {
    this.#lanes.add(lane)
  }

  remove(lane: Lane): void {
    this.#lanes.delete(lane)
  }

  get lanes(): ReadonlySet<Lane> {
    return this.#lanes
  }

  /** Sends what waits in the lanes, unless a round is in flight or trouble is being waited out. */
  wake(): void {
    if (this.#connection === null || this.#readyMs === null || this.#round !== null || this.#cancelPause !== null)
      return
    const round = Round.gather(this.#lanes, this.#buffer, this.#guard?.commands)
    if (round === null) return
    this.#round = round
    this.#ask(this.#connection, round.bytes)
  }

  #ask(connection: RedisConnection, commands: Uint8Array): void {
    const { clock } = this.#options
    this.#askedMs = clock.nowMs()
    this.#cancelWatch ??= clock.after(REPLY_WITHIN_MS, this.#watch)
    connection.write(commands)
  }

  /**
   * Rejects what there is of a shard. What is on its way is called back by resetting the connection: else TCP would go on
   * trying, where the network is cut, and write it when the shard has long been another process's.
   */
  drop(slot: number, reason: Error): void {
    const onTheirWay = [...this.#lanes].filter((lane) => lane.drop(slot, reason))
    if (onTheirWay.length > 0) this.#connection?.close("events on their way are of a shard that was given up")
  }

  close(): void {
    this.#closed = true
    this.#cancelPause?.()
    this.#cancelWatch?.()
    this.#connection?.close("closed")
  }

  #connect(): void {
    const { connect, clock, on } = this.#options
    const connection: RedisConnection = connect(this.#newAddress(), {
      ready: () => {
        cancelDeadline()
        on.ready()
        this.#admit(connection)
      },
      reply: (integer) => {
        const round = this.#round
        if (round === null) return
        if (this.#isReplicating) this.#onReplicas(round, integer ?? 0)
        else if (round.reply(integer)) this.#onExecuted(round)
      },
      error: (text, element) => {
        // It is no master any more: what it executed may be lost.
        if (this.#isReplicating) connection.close(text)
        else this.#round?.error(text, element)
      },
      refused: (text) => {
        if (remedyOf(text).type === "give-up") this.#fail(refusedLogin(this.#name, text))
      },
      closed: (reason) => {
        cancelDeadline()
        this.#onClosed(reason)
      },
    })
    const cancelDeadline = clock.after(CONNECT_WITHIN_MS, () => {
      connection.close(`no answer within ${CONNECT_WITHIN_MS / 1_000} s`)
    })
    this.#connection = connection
  }

  #newAddress(): RedisAddress {
    const { address, fence, random } = this.#options
    if (fence?.mark.type !== "permit") return address
    this.#guard = newGuard(fence.mark.key, this.#guard, random)
    return { ...address, permit: this.#guard.permit }
  }

  /** Writes from the moment that the fence lets this connection through. */
  #admit(connection: RedisConnection): void {
    const admitted = () => {
      if (this.#connection !== connection) return
      this.#readyMs = this.#options.clock.nowMs()
      this.#options.on.state(this.#name, "up")
      if (this.#guard === null) return this.wake()
      this.#round = Round.guardOnly(this.#guard.commands)
      this.#ask(connection, this.#round.bytes)
    }
    const { fence } = this.#options
    if (fence === undefined) admitted()
    else void fence.admit().then(admitted)
  }

  #onClosed(reason: string): void {
    const { clock, random, on } = this.#options
    const lastedMs = this.#readyMs === null ? 0 : clock.nowMs() - this.#readyMs
    this.#connection = null
    this.#readyMs = null
    this.#isReplicating = false
    this.#round?.giveBack()
    this.#round = null
    this.#cancelPause?.()
    if (this.#closed) return
    this.#tell(reason)
    if (lastedMs >= GOOD_CONNECTION_MS) this.#attempt = 0
    this.#cancelPause = clock.after(backoffMs(this.#attempt, BACKOFF, random()), () => {
      this.#cancelPause = null
      this.#connect()
    })
    this.#attempt += 1
    on.state(this.#name, "down")
    on.lost(reason)
  }

  #onExecuted(round: Round): void {
    const { replicas = 0 } = this.#options
    if (replicas > 0) this.#askReplicas()
    else this.#onSettled(round)
  }

  /** WAIT answers how many replicas have all that was executed on this connection. */
  #askReplicas(): void {
    if (this.#connection === null) return
    this.#isReplicating = true
    this.#ask(this.#connection, command("WAIT", String(this.#options.replicas), String(REPLICATE_WITHIN_MS)))
  }

  #onReplicas(round: Round, count: number): void {
    const { replicas = 0 } = this.#options
    this.#isReplicating = false
    if (count >= replicas) return this.#onSettled(round)
    this.#tell(`${count} replicas have the events, and redis.replicas is ${replicas}`)
    this.#pause(() => this.#askReplicas())
  }

  #onSettled(round: Round): void {
    this.#round = null
    const failures = round.settle()
    if (failures.length > 0) return this.#onRefused(failures)
    this.#attempt = 0
    if (this.#trouble !== null) {
      this.#tell(null)
      this.#options.on.state(this.#name, "up")
    }
    this.wake()
  }

  #onRefused(failures: readonly Failure[]): void {
    let gravest: { readonly remedy: Remedy; readonly failure: Failure } | null = null
    for (const failure of failures) {
      const remedy = remedyOf(failure.text)
      if (remedy.type === "moved") this.#options.on.moved(failure.lane, remedy)
      else if (gravest === null || GRAVITY[remedy.type] > GRAVITY[gravest.remedy.type]) gravest = { remedy, failure }
    }
    if (this.#closed) return
    if (gravest === null) return this.wake()
    const { remedy, failure } = gravest
    if (remedy.type === "give-up") return this.#fail(refusedEvents(this.#name, failure))
    this.#tell(failure.text)
    if (remedy.type === "reconnect") this.#connection?.close(failure.text)
    else this.#pause(() => this.wake())
  }

  #pause(again: () => void): void {
    const { clock, random, on } = this.#options
    on.state(this.#name, "blocked")
    this.#attempt += 1
    this.#cancelPause = clock.after(backoffMs(this.#attempt, BACKOFF, random()), () => {
      this.#cancelPause = null
      again()
    })
  }

  /** One timer for all rounds, since most of them take less than setting a timer is worth. */
  readonly #watch = (): void => {
    this.#cancelWatch = null
    if (this.#round === null) return
    const leftMs = this.#askedMs + REPLY_WITHIN_MS - this.#options.clock.nowMs()
    if (leftMs > 0) this.#cancelWatch = this.#options.clock.after(leftMs, this.#watch)
    else this.#connection?.close(`no answer within ${REPLY_WITHIN_MS / 1_000} s`)
  }

  #fail(error: Error): void {
    this.close()
    this.#options.on.failed(error)
  }

  /** Logs changes only. */
  #tell(trouble: string | null): void {
    if (trouble === this.#trouble || (trouble !== null && this.#trouble !== null)) return
    this.#trouble = trouble
    if (trouble === null) this.#log.info({}, "Redis takes events again")
    else this.#log.warn({ reason: trouble }, "Redis takes no events: they wait, and it is tried again and again")
  }
}

const GRAVITY: Readonly<Record<Remedy["type"], number>> = { moved: 0, wait: 1, reconnect: 2, "give-up": 3 }
