// Identify slots shared by every process of a bot. Each process keeps its own waiting shards, and tells the line about them in
// one request at a time; the line's answer says who may identify. A process that is told nothing asks again before its
// places lapse, so that a lost message costs time and never a shard. Without the line nobody identifies.

import { backoffMs } from "../../../flow/backoff.ts"
import type { IdentifyQueue, IdentifyQueueOptions, LinePlace } from "../identify-queue.ts"
import { BESIDE_RESERVES, BUDGET_RETRY, breakerReason, reserveReason, unreadReason } from "../limits.ts"
import { type IdentifyLine, type LineReply, ticketOf, USE_WITHIN_MS } from "./line.ts"

/** Places of one process that are in the line at a time, lower shards first: enough for every key of the largest bots. */
const MAX_PLACES = 128
/** A place is renewed between half of this and all of it: well before it lapses. */
const RENEW_MS = 3_000
/** Redis could not run a step: it is tried again. */
const RETRY = { baseMs: 250, capMs: 5_000 } as const
/** After this long without an answer the operator is told. */
const TELL_AFTER_MS = 5_000

export interface SharedIdentifyQueueOptions extends IdentifyQueueOptions {
  /** This process in the line; no colon in it. */
  readonly process: string
  /** @param onWake a place of this process may have become the first */
  readonly line: (onWake: () => void) => IdentifyLine
  readonly on?: {
    /** How long a shard waited for its slot. */
    readonly granted?: (waitedMs: number) => void
    /** A slot came too late to be used, or nobody wanted it any more. */
    readonly givenBack?: () => void
  }
}

interface Waiter {
  readonly shardId: number
  readonly slot: number
  readonly ticket: string
  readonly sinceMs: number
  /** The breaker keeps it out of the line until then. */
  notBeforeMs: number
  readonly grant: () => void
}

export interface ClosableIdentifyQueue extends IdentifyQueue {
  /** Asks the line for nothing any more. Whoever still waits gets no turn, and its place lapses. */
  close(): void
}

export function sharedIdentifyQueue(options: SharedIdentifyQueueOptions): ClosableIdentifyQueue {
  const queue = new SharedIdentifyQueue(options)
  return { turn: (shardId, signal, place) => queue.turn(shardId, signal, place), close: () => queue.close() }
}

class SharedIdentifyQueue {
  readonly #options: SharedIdentifyQueueOptions
  readonly #line: IdentifyLine
  /** At most a few for each shard of the process, ascending. */
  #waiting: Waiter[] = []
  /** Tickets that the line knows. At most MAX_PLACES. */
  #placed: ReadonlySet<string> = new Set()
  /** What the next request reports; both bounded by what was placed. */
  #used: string[] = []
  #gone: string[] = []
  #tickets = 0
  #isClosed = false
  #isBusy = false
  #isDue = false
  #failures = 0
  #readFailures = 0
  #told: string | null = null
  #cancelTimer = (): void => {}

  constructor(options: SharedIdentifyQueueOptions) {
    this.#options = options
    this.#line = options.line(() => this.#pump())
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
  }

  turn(shardId: number, signal: AbortSignal, place: LinePlace = { slot: shardId, isBeside: false }): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter)
        reject(signal.reason)
        if (!this.#placed.has(waiter.ticket)) return
        this.#gone.push(waiter.ticket)
        this.#pump()
      }
      const grant = () => {
        signal.removeEventListener("abort", onAbort)
        resolve()
      }
      this.#tickets += 1
      const ticket = ticketOf(place, this.#options.process, this.#tickets, shardId)
      const waiter = { shardId, slot: place.slot, ticket, sinceMs: this.#options.clock.nowMs(), notBeforeMs: 0, grant }
      signal.addEventListener("abort", onAbort, { once: true })
      this.#waiting.push(waiter)
      this.#waiting.sort((a, b) => a.slot - b.slot)
      this.#pump()
    })
  }

  /** Asks the line now, or once it has answered what it was asked before. */
  #pump(): void {
    this.#isDue = true
    if (this.#isBusy) return
    this.#isBusy = true
    // Shards that ask in one tick stand in one request.
    queueMicrotask(() => void this.#run())
  }

  async #run(): Promise<void> {
    while (this.#isDue && !this.#isClosed) {
      this.#isDue = false
      this.#cancelTimer()
      if (this.#waiting.length + this.#used.length + this.#gone.length === 0) break
      try {
        await this.#sync()
        this.#failures = 0
      } catch (error) {
        if (this.#isClosed) return
        this.#failures += 1
        const delayMs = backoffMs(this.#failures, RETRY, this.#options.random())
        this.#tell(`Redis does not keep the line (${error instanceof Error ? error.message : String(error)})`, delayMs)
        this.#wakeIn(delayMs)
      }
    }
    this.#isBusy = false
  }

  async #sync(): Promise<void> {
    const { clock, reserve, onBudget } = this.#options
    const used = this.#used
    const gone = this.#gone
    this.#used = []
    this.#gone = []
    const sentMs = clock.nowMs()
    const waiting = this.#waiting
      .filter(({ notBeforeMs }) => notBeforeMs <= sentMs)
      .slice(0, MAX_PLACES)
      .map(({ ticket }) => ticket)
    this.#placed = new Set(waiting)
    const request = { used, gone, waiting, reserve }
    let reply: LineReply
    const cancelTell = clock.after(TELL_AFTER_MS, () => this.#tell("Redis does not answer", TELL_AFTER_MS))
    try {
      reply = await this.#line.sync(request)
    } catch (error) {
      // Whether it was done is not known; saying it twice changes nothing.
      this.#used.push(...used)
      this.#gone.push(...gone)
      throw error
    } finally {
      cancelTell()
    }
    if (reply.budget !== null) onBudget(reply.budget.remaining)
    this.#take(reply.granted, sentMs)
    this.#setAside(reply.broken)
    if (reply.status === "read") await this.#read()
    else this.#plan(reply)
  }

  #take(granted: readonly string[], sentMs: number): void {
    const { clock, on } = this.#options
    const nowMs = clock.nowMs()
    for (const ticket of granted) {
      const waiter = this.#waiting.find((one) => one.ticket === ticket)
      // The slot was given between then and now. Seen from then it must not be too old.
      if (waiter === undefined || nowMs - sentMs > USE_WITHIN_MS) {
        if (!this.#gone.includes(ticket)) this.#gone.push(ticket)
        this.#isDue = true
        on?.givenBack?.()
        continue
      }
      this.#waiting = this.#waiting.filter((other) => other !== waiter)
      this.#told = null
      waiter.grant()
      on?.granted?.(nowMs - waiter.sinceMs)
      // Said only after the identify is written, which the grant leads to within this tick.
      clock.after(0, () => {
        this.#used.push(ticket)
        this.#pump()
      })
    }
  }

  #setAside(broken: LineReply["broken"]): void {
    for (const { ticket, waitMs } of broken) {
      const waiter = this.#waiting.find((one) => one.ticket === ticket)
      if (waiter === undefined) continue
      waiter.notBeforeMs = this.#options.clock.nowMs() + waitMs
      this.#options.onWait(breakerReason(waiter.shardId), waitMs)
    }
  }

  async #read(): Promise<void> {
    const { startLimit, random } = this.#options
    this.#isDue = true
    let limit: Awaited<ReturnType<typeof startLimit>>
    try {
      limit = await startLimit()
    } catch (error) {
      this.#readFailures += 1
      const delayMs = backoffMs(this.#readFailures, BUDGET_RETRY, random())
      this.#tell(unreadReason(error), delayMs)
      return this.#line.postpone(delayMs)
    }
    this.#readFailures = 0
    this.#options.onBudget(limit.remaining)
    await this.#line.budget(limit)
  }

  #plan({ status, waitMs, budget }: LineReply): void {
    const { reserve, random } = this.#options
    if (status === "spent" && budget !== null && waitMs !== null)
      this.#tell(reserveReason(budget.remaining, budget.total, keptOf(reserve, budget.remaining)), waitMs)
    if (this.#waiting.length === 0) return
    const renewMs = RENEW_MS * (0.5 + random() / 2)
    this.#wakeIn(Math.min(waitMs ?? renewMs, renewMs))
  }

  #wakeIn(delayMs: number): void {
    this.#cancelTimer()
    if (this.#isClosed) return
    this.#cancelTimer = this.#options.clock.after(Math.max(1, delayMs), () => this.#pump())
  }

  /** Each reason once, until it is another or a slot came. */
  #tell(reason: string, delayMs: number): void {
    if (reason === this.#told) return
    this.#told = reason
    this.#options.onWait(reason, delayMs)
  }
}

/** While more than the reserve is left, only shards that come up beside the bot's own wait for more. */
function keptOf(reserve: number, remaining: number): number {
  return remaining > reserve ? BESIDE_RESERVES * reserve : reserve
}
