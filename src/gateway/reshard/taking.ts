// The side that takes a pair's guilds over: it holds their events back for as long as it needs, asks the other side for an
// offer, finds its place, and has the change stored. It tries until it succeeds, or is not asked to any more.

import { type Clock, sleep } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import { otherSide, type Pair, type PairChange, type SessionPlace, type Side } from "./change.ts"
import type { Offer, PairExchange } from "./exchange.ts"
import type { Freshness, GatedShard } from "./gated-shard.ts"
import { RETRY_MS } from "./giving.ts"
import type { HandOverTimes } from "./hand-over.ts"

/** Attempts in which the events of the two sessions do not agree, before some are let come twice. */
const MOST_DISAGREEMENTS = 3

/** The other side holds its events back meanwhile, and an interaction must be answered within 3 s. */
const BRIEF_MS = 2_000
/** Attempts that end so soon, before they may last as long as an attempt can: the broker may take longer to confirm. */
const BRIEF_ATTEMPTS = 8

/**
 * What came of an attempt. `refused`: it was withdrawn before. `late`: events that the other side had published did not come in
 * time. `disagreed`: its events are not these.
 */
export type AttemptResult = "changed" | "refused" | "late" | "disagreed" | "unanswered"

export interface TakingOptions {
  readonly pair: Pair
  /** This side. */
  readonly to: Side
  readonly shard: GatedShard
  readonly freshness: Freshness
  readonly exchange: PairExchange
  readonly times: HandOverTimes
  readonly clock: Clock
  readonly newAttempt: () => string
  readonly log: Logger
  readonly onAttempt: (result: AttemptResult) => void
}

interface Attempt {
  readonly id: string
  /** No offer can be older than the question. */
  readonly askedMs: number
  offer: Offer | null
}

export class Taking {
  readonly #options: TakingOptions
  readonly #closing = new AbortController()
  #attempt: Attempt | null = null
  #isBusy = false
  #rememberAskedMs = Number.NEGATIVE_INFINITY
  #askAgainMs = Number.NEGATIVE_INFINITY
  #disagreements = 0
  #timeouts = 0

  constructor(options: TakingOptions) {
    this.#options = options
  }

  /** Whether there is nothing left to do. */
  get isDone(): boolean {
    const { pair, to, shard } = this.#options
    return shard.gate.isPublisher(pair[otherSide(to)])
  }

  /** Whether a change is being stored, of which nobody knows yet. */
  get isSettling(): boolean {
    const { pair, to, shard } = this.#options
    return shard.gate.mode(pair[otherSide(to)]) === "settling"
  }

  /** Does what is due. Called every so often. */
  tick(): void {
    const { pair, to, shard, freshness, times, clock } = this.#options
    const other = pair[otherSide(to)]
    const nowMs = clock.nowMs()
    shard.gate.hold(other)
    freshness.watch()
    if (this.#isBusy || this.isDone) return
    if (this.#attempt !== null) return this.#pursue(this.#attempt)
    if (!shard.gate.isReady(other)) {
      if (nowMs >= this.#rememberAskedMs + times.skewMs) this.#askToRemember(nowMs)
    } else if (nowMs >= this.#askAgainMs) void this.#busy(() => this.#ask())
  }

  offered(offer: Offer): void {
    if (this.#attempt?.id !== offer.attempt || this.#isBusy) return
    this.#attempt.offer = offer
    this.#pursue(this.#attempt)
  }

  /** The shard is not ours any more, or its guilds are to stay where they are. */
  close(): void {
    const { pair, to, shard } = this.#options
    this.#closing.abort()
    shard.gate.forget(pair[otherSide(to)], "holding")
  }

  #askToRemember(nowMs: number): void {
    const { pair, to, exchange } = this.#options
    this.#rememberAskedMs = nowMs
    exchange.ask(pair, to, null).catch(() => {})
  }

  async #ask(): Promise<void> {
    const { pair, to, freshness, exchange, newAttempt, clock, times } = this.#options
    this.#askAgainMs = clock.nowMs() + times.skewMs / 2
    if (!(await freshness.isFresh()) || this.#closing.signal.aborted) return
    const attempt: Attempt = { id: newAttempt(), askedMs: clock.nowMs(), offer: null }
    this.#attempt = attempt
    // Where it is not heard, time goes on and it is asked again.
    exchange.ask(pair, to, attempt.id).catch(() => {})
  }

  #pursue(attempt: Attempt): void {
    const { pair, to, shard, clock, times } = this.#options
    const withinMs = this.#timeouts < BRIEF_ATTEMPTS ? Math.min(BRIEF_MS, times.attemptMs) : times.attemptMs
    if (clock.nowMs() > attempt.askedMs + withinMs) {
      return this.#declined(attempt, attempt.offer === null ? "unanswered" : "late")
    }
    if (attempt.offer === null || !shard.flush()) return
    const isForced = this.#disagreements >= MOST_DISAGREEMENTS
    const taking = shard.gate.take(pair[otherSide(to)], attempt.offer.tails, isForced)
    if (taking === null || taking.type === "later") return
    if (taking.type === "nowhere") return this.#declined(attempt, "disagreed")
    const { place } = attempt.offer
    const change = changeOf(to, attempt.id, place, taking.place, taking.streams)
    void this.#busy(() => this.#settle(change))
  }

  async #settle(change: PairChange): Promise<void> {
    const { pair, to, shard, exchange, clock, log } = this.#options
    const other = pair[otherSide(to)]
    while (!this.#closing.signal.aborted) {
      try {
        const isStored = await exchange.settle(pair, change)
        if (this.#closing.signal.aborted) return
        if (isStored) shard.gate.changedOnce(other, change)
        else shard.gate.refused(other)
        return this.#ended(isStored ? "changed" : "refused")
      } catch (error) {
        log.debug({ err: error, ...pair }, "a change of hands could not be stored; trying again")
        await sleep(clock, RETRY_MS, this.#closing.signal).catch(() => {})
      }
    }
  }

  #declined(attempt: Attempt, result: "late" | "disagreed" | "unanswered"): void {
    const { pair, exchange, log } = this.#options
    if (result === "disagreed") this.#disagreements += 1
    else this.#timeouts += 1
    if (result === "disagreed" && this.#disagreements === MOST_DISAGREEMENTS) {
      log.warn({ ...pair }, "two sessions do not have the same events: some will come twice")
    }
    exchange.decline(pair, attempt.id).catch(() => {})
    this.#ended(result)
  }

  #ended(result: AttemptResult): void {
    const { clock, times, onAttempt } = this.#options
    this.#attempt = null
    this.#askAgainMs = clock.nowMs() + times.skewMs / 2
    onAttempt(result)
  }

  async #busy(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true
    await work()
    this.#isBusy = false
  }
}

function changeOf(
  to: Side,
  attempt: string,
  theirs: SessionPlace,
  ours: SessionPlace,
  streams: ReadonlyMap<string, number>,
): PairChange {
  const places = to === "new" ? { old: theirs, new: ours } : { old: ours, new: theirs }
  return { attempt, to, ...places, streams }
}
