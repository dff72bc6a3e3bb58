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

/** Of heartbeats beside those that are due: Discord takes 120 packets a minute. */
const LEAST_PROBE_MS = 1_000

/** Whether a shard hears of events late, since its connection or its process hangs. */
export class Freshness {
  readonly #shard: GatedShard
  readonly #mostLateMs: number
  readonly #nowMs: () => number
  /** Everything is here that Discord sent before. */
  #knownMs = Number.NEGATIVE_INFINITY
  #probe: Promise<void> | null = null

  constructor(shard: GatedShard, { skewMs }: HandOverTimes, nowMs: () => number) {
    this.#shard = shard
    this.#mostLateMs = skewMs / 2
    this.#nowMs = nowMs
  }

  /** Whether everything is here that Discord sent more than half a skew ago: only then it may be told what came last. */
  async isFresh(): Promise<boolean> {
    if (!this.#isKnown(this.#mostLateMs)) await this.#ask()
    return this.#isKnown(this.#mostLateMs)
  }

  /**
   * Called every so often while the shard remembers what it publishes, or holds events back: what came late here came to the other
   * side so long ago that it has forgotten it, or was published there.
   */
  watch(): void {
    if (this.#probe === null && !this.#isKnown(Math.max(this.#mostLateMs, LEAST_PROBE_MS))) void this.#ask()
  }

  #isKnown(withinMs: number): boolean {
    return this.#knownMs >= this.#nowMs() - withinMs
  }

  #ask(): Promise<void> {
    this.#probe ??= this.#shard.probe().then((askedMs) => {
      this.#probe = null
      if (askedMs === null) return
      this.#knownMs = askedMs
      if (!this.#isKnown(this.#mostLateMs)) this.#shard.gate.late()
    })
    return this.#probe
  }
}
