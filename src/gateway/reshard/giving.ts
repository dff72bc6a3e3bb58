// One attempt of the publishing side: it holds a pair's events back, tells what came last, and waits until the other side has
// taken over; when that does not come in time, it goes on.

import { type Clock, sleep } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import { otherSide, type Pair, type PairChange, type Side } from "./change.ts"
import type { PairExchange, Withdrawal } from "./exchange.ts"
import type { Freshness, GatedShard } from "./gated-shard.ts"
import type { HandOverTimes } from "./hand-over.ts"

export const RETRY_MS = 250

export interface GivingOptions {
  readonly pair: Pair
  /** Who takes over. */
  readonly to: Side
  readonly attempt: string
  readonly shard: GatedShard
  readonly freshness: Freshness
  readonly exchange: PairExchange
  readonly times: HandOverTimes
  readonly clock: Clock
  readonly log: Logger
}

export class Giving {
  readonly #options: GivingOptions
  /** Resolves when there is nothing to wait for any more. */
  readonly #over = Promise.withResolvers<void>()
  readonly #closing = new AbortController()
  #isSettled = false

  constructor(options: GivingOptions) {
    this.#options = options
  }

  get attempt(): string {
    return this.#options.attempt
  }

  /** Resolves when the attempt is over, whatever came of it. */
  async run(): Promise<void> {
    const { pair, to, attempt, shard, freshness, exchange, times, clock } = this.#options
    const other = pair[to]
    if (!(await freshness.isFresh()) || this.#isOver || !shard.flush()) return
    const offer = shard.gate.offer(other)
    if (offer === null) return
    const cancel = clock.after(times.attemptMs, () => this.#over.resolve())
    // Behind the other side's events in the stream there must be none of ours.
    const isConfirmed = await Promise.race([shard.confirmed().then(() => true), this.#over.promise.then(() => false)])
    const isOffered = isConfirmed && (await this.#isOffered(exchange.offer(pair, to, { attempt, ...offer })))
    if (isOffered) await this.#over.promise
    cancel()
    if (this.#closing.signal.aborted || this.#isSettled) return
    if (isOffered) await this.#withdraw()
    else shard.gate.withdrawn(other)
  }

  /** The other side has taken over. */
  settled(): void {
    this.#isSettled = true
    this.#over.resolve()
  }

  /** The other side cannot take over. */
  declined(): void {
    this.#over.resolve()
  }

  /** The shard is not ours any more: whoever has it asks what is stored. */
  close(): void {
    this.#closing.abort()
    this.#over.resolve()
  }

  get #isOver(): boolean {
    return this.#closing.signal.aborted
  }

  /** Where nobody knows, it is offered. */
  async #isOffered(offered: Promise<boolean>): Promise<boolean> {
    try {
      return await offered
    } catch {
      return true
    }
  }

  async #withdraw(): Promise<void> {
    const { pair, to, attempt, shard, exchange, clock, log } = this.#options
    let withdrawal: Withdrawal | null = null
    while (withdrawal === null && !this.#isOver) {
      try {
        withdrawal = await exchange.withdraw(pair, attempt)
      } catch (error) {
        log.debug({ err: error, ...pair }, "an offer could not be withdrawn; trying again")
        await sleep(clock, RETRY_MS, this.#closing.signal).catch(() => {})
      }
    }
    if (withdrawal === null || this.#isOver) return
    if (withdrawal.type === "withdrawn") shard.gate.withdrawn(pair[to])
    else this.#changed(withdrawal.change)
  }

  #changed(change: PairChange): void {
    const { pair, to, shard } = this.#options
    shard.gate.changedOnce(pair[to], change)
  }
}

/** The shard of a pair that gives, or takes. */
export function giverOf(pair: Pair, to: Side): number {
  return pair[otherSide(to)]
}
