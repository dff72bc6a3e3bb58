// A shard as those see it that let its guilds change hands.

import type { GuildGate } from "./guild-gate.ts"
import type { HandOverTimes } from "./hand-over.ts"

export interface GatedShard {
  readonly gate: GuildGate
  /** Brings everything that has come to the gate. @returns false where the broker has no room, and events wait */
  flush(): boolean
  /**
   * Asks Discord for an answer, behind which nothing can be that it sent before.
   * @returns when it was asked, by the clock, once the answer is here; null where there is no connection
   */
  probe(): Promise<number | null>
  /** Resolves once everything that was handed to the broker by now is confirmed. */
  confirmed(): Promise<void>
}

/** A shard that hears of events late, since its connection or its process hangs, must not tell what came last. */
export class Freshness {
  readonly #shard: GatedShard
  readonly #times: HandOverTimes
  readonly #nowMs: () => number
  #askedMs = Number.NEGATIVE_INFINITY

  constructor(shard: GatedShard, times: HandOverTimes, nowMs: () => number) {
    this.#shard = shard
    this.#times = times
    this.#nowMs = nowMs
  }

  /** Whether everything is here that Discord sent more than half a skew ago. */
  async isFresh(): Promise<boolean> {
    if (!this.#isRecent()) this.#askedMs = (await this.#shard.probe()) ?? Number.NEGATIVE_INFINITY
    return this.#isRecent()
  }

  #isRecent(): boolean {
    return this.#askedMs >= this.#nowMs() - this.#times.skewMs / 2
  }
}
