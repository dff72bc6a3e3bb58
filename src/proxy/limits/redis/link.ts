// The link to the other instances: turns are decided by Redis while it answers, else by this process at its part of every
// limit. A beat every so often tells that this instance lives, and brings what all of an address share: its budget of invalid
// requests and Cloudflare's ban.
//
//   joining ─▶ shared ◀─ Redis has answered for a while ─┐
//      └──────────┴─ no answer in time ─▶ alone ─────────┘

import type { Clock } from "../../../flow/clock.ts"
import type { Logger } from "../../../ops/log.ts"
import { BEAT_SCRIPT } from "./beat-script.ts"
import { addressKey, CHANNEL, INSTANCES_KEY } from "./keys.ts"
import { LoneTurns } from "./lone-turns.ts"
import { RedisTurns } from "./redis-turns.ts"
import { type Script, type Scripts, scriptOf } from "./scripts.ts"
import type { SharedBudget } from "./shared-budget.ts"
import type { Turn, TurnReply } from "./turn.ts"

const BEAT: Script = scriptOf(BEAT_SCRIPT)
const BEAT_EVERY_MS = 2_000
/** While Redis is gone, or is asked for the first time. */
const TRY_EVERY_MS = 500
/** No answer for so long: Redis counts as gone. */
export const ANSWER_WITHIN_MS = 1_000
/** Redis must answer for so long before it decides again, so that all instances have noticed that it is back. */
const STEADY_MS = 2_000
/** Instances that there may be where Redis never told. */
export const UNTOLD_INSTANCES = 4

export type LinkState =
  | { readonly type: "joining" }
  | { readonly type: "shared" }
  | { readonly type: "alone"; readonly sinceMs: number; readonly turns: LoneTurns; steadySinceMs: number | null }

export interface LinkOptions {
  readonly scripts: Scripts
  readonly clock: Clock
  readonly log: Logger
  /** The name of this instance. */
  readonly me: string
  /** What instances that send from one IP address have in common. */
  readonly address: string
  readonly budget: SharedBudget
  readonly redisNowMs?: () => number
  /** Cloudflare bans the address for so long. */
  readonly onBan: (forMs: number) => void
}

export class RedisLink {
  readonly #options: LinkOptions
  readonly #turns: RedisTurns
  readonly #joined = Promise.withResolvers<void>()
  #state: LinkState = { type: "joining" }
  #instances: number | null = null
  #outages = 0
  #banToTellMs = 0
  #isBeating = false
  #beatsAgain = false
  #cancelBeat = () => {}
  #isClosed = false

  constructor(options: LinkOptions) {
    this.#options = options
    const { scripts, clock, me, redisNowMs } = options
    const turns = { scripts, clock, me, withinMs: ANSWER_WITHIN_MS }
    this.#turns = new RedisTurns(redisNowMs === undefined ? turns : { ...turns, redisNowMs })
    void this.#beat()
  }

  get state(): LinkState {
    return this.#state
  }

  /** That share the limits, this one included; where Redis never told, as many as there may be. */
  get instances(): number {
    return this.#instances ?? UNTOLD_INSTANCES
  }

  /** Never rejects. */
  async take(turn: Turn): Promise<TurnReply> {
    if (this.#state.type === "joining") await this.#joined.promise
    if (this.#state.type === "shared") {
      try {
        return await this.#inTime(this.#turns.take(turn))
      } catch (error) {
        this.#lost(error)
      }
    }
    return this.#alone().take(turn, this.#options.clock.nowMs())
  }

  /** Tells the others at once. */
  banned(forMs: number): void {
    this.#banToTellMs = Math.max(this.#banToTellMs, forMs)
    this.beatNow()
  }

  beatNow(): void {
    if (this.#isClosed) return
    this.#beatsAgain = true
    if (this.#isBeating) return
    this.#cancelBeat()
    void this.#beat()
  }

  /** Says good-bye, so that nobody divides by this instance any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelBeat()
    this.#joined.resolve()
    if (this.#state.type === "shared") await this.#inTime(this.#say(true)).catch(() => {})
  }

  async #beat(): Promise<void> {
    const { clock } = this.#options
    this.#isBeating = true
    this.#beatsAgain = false
    try {
      await this.#inTime(this.#say(false))
      this.#answered()
    } catch (error) {
      this.#lost(error)
    }
    this.#isBeating = false
    if (this.#isClosed) return
    const delayMs = this.#state.type === "shared" ? (this.#beatsAgain ? 0 : BEAT_EVERY_MS) : TRY_EVERY_MS
    this.#cancelBeat = clock.after(delayMs, () => void this.#beat())
  }

  async #say(leaves: boolean): Promise<void> {
    const { scripts, me, address, budget, redisNowMs, onBan } = this.#options
    const { untold } = budget
    const banMs = this.#banToTellMs
    const request = {
      me,
      invalid: untold,
      ban: Math.ceil(banMs),
      ...(leaves && { leaves }),
      ...(redisNowMs !== undefined && { now: Math.round(redisNowMs()) }),
    }
    const text = await scripts.run(BEAT, [INSTANCES_KEY, addressKey(address)], [JSON.stringify(request), CHANNEL])
    // Our own script's.
    const reply = JSON.parse(String(text)) as Readonly<Record<"instances" | "invalid" | "banned", number>>
    if (this.#banToTellMs === banMs) this.#banToTellMs = 0
    this.#instances = Math.max(1, reply.instances)
    budget.told(untold, reply.invalid)
    if (reply.banned > 0) onBan(reply.banned)
  }

  #answered(): void {
    const { clock, log, budget } = this.#options
    const nowMs = clock.nowMs()
    if (this.#state.type === "joining") {
      this.#state = { type: "shared" }
      this.#joined.resolve()
    }
    if (this.#state.type !== "alone") return
    this.#state.steadySinceMs ??= nowMs
    if (nowMs - this.#state.steadySinceMs < STEADY_MS) return budget.divide(this.instances)
    const seconds = Math.round((nowMs - this.#state.sinceMs) / 1_000)
    log.info({ seconds, instances: this.instances }, "Redis answers again: the limits are shared")
    this.#state = { type: "shared" }
  }

  #lost(error: unknown): void {
    const { log } = this.#options
    if (this.#isClosed) return
    if (this.#state.type === "alone") {
      this.#state.steadySinceMs = null
      return
    }
    const reason = error instanceof Error ? error.message : String(error)
    log.error(
      { reason, instances: this.instances },
      `Redis does not answer: this process keeps to one part in ${this.instances} of every limit by itself`,
    )
    this.#alone()
    this.#joined.resolve()
  }

  #alone(): LoneTurns {
    if (this.#state.type === "alone") return this.#state.turns
    const { clock, budget } = this.#options
    this.#outages += 1
    const turns = new LoneTurns(this.instances, this.#outages)
    this.#state = { type: "alone", sinceMs: clock.nowMs(), turns, steadySinceMs: null }
    budget.divide(this.instances)
    return turns
  }

  /** @throws when it takes too long; an answer that is there and was not read yet, on a busy machine, still counts. */
  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { clock } = this.#options
    return new Promise((resolve, reject) => {
      let cancel = clock.after(ANSWER_WITHIN_MS / 2, () => {
        cancel = clock.after(ANSWER_WITHIN_MS / 2, () => reject(new Error(`no answer in ${ANSWER_WITHIN_MS} ms`)))
      })
      answer.then(resolve, reject).finally(() => cancel())
    })
  }
}
