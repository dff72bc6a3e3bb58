// A Discord that only counts: fixed or sliding windows for each channel, a global one for the token, and the answers that it
// would give, after the network's delay. Everything on the test's clock.

import type { Clock } from "../../../../src/flow/clock.ts"
import type { Answer } from "../../../../src/proxy/limits/limiter.ts"

export interface ModelOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly limit: number
  readonly windowMs: number
  readonly isSliding: boolean
  readonly globalPerSecond: number
  /** One way, at least and at most. */
  readonly delayMs: readonly [number, number]
}

export class ModelDiscord {
  readonly #options: ModelOptions
  readonly #windows = new Map<string, number[]>()
  readonly #global: number[] = []
  passed = 0
  limited = 0
  readonly passedBy = new Map<string, number>()

  constructor(options: ModelOptions) {
    this.#options = options
  }

  /** Sends a request for a channel; `onAnswer` is called when its answer is back. */
  send(channel: string, onAnswer: (answer: Answer) => void): void {
    const { clock } = this.#options
    clock.after(this.#delay(), () => {
      const answer = this.#answer(channel, clock.nowMs())
      clock.after(this.#delay(), () => onAnswer(answer))
    })
  }

  #delay(): number {
    const [least, most] = this.#options.delayMs
    return least + this.#options.random() * (most - least)
  }

  #answer(channel: string, nowMs: number): Answer {
    const { limit, windowMs, globalPerSecond } = this.#options
    const times = this.#current(channel, nowMs)
    while ((this.#global[0] ?? nowMs) <= nowMs - 1_000) this.#global.shift()
    if (this.#global.length >= globalPerSecond) return this.#tooMany(1, "global", {})
    const resetAfterMs = (times[0] ?? nowMs) + windowMs - nowMs
    if (times.length >= limit) return this.#tooMany(resetAfterMs / 1_000, "user", this.#headers(times, resetAfterMs))
    times.push(nowMs)
    this.#global.push(nowMs)
    this.passed += 1
    this.passedBy.set(channel, (this.passedBy.get(channel) ?? 0) + 1)
    return { status: 200, headers: new Headers(this.#headers(times, (times[0] ?? nowMs) + windowMs - nowMs)), body: "" }
  }

  #current(channel: string, nowMs: number): number[] {
    const { windowMs, isSliding } = this.#options
    const times = this.#windows.get(channel) ?? []
    this.#windows.set(channel, times)
    if (isSliding) while ((times[0] ?? nowMs) <= nowMs - windowMs) times.shift()
    else if ((times[0] ?? nowMs) <= nowMs - windowMs) times.length = 0
    return times
  }

  #headers(times: readonly number[], resetAfterMs: number): Record<string, string> {
    return {
      "x-ratelimit-limit": String(this.#options.limit),
      "x-ratelimit-remaining": String(this.#options.limit - times.length),
      "x-ratelimit-reset-after": (resetAfterMs / 1_000).toFixed(3),
      "x-ratelimit-bucket": "messages",
    }
  }

  #tooMany(retryAfter: number, scope: string, headers: Record<string, string>): Answer {
    this.limited += 1
    const body = JSON.stringify({ message: "slow down", retry_after: retryAfter, global: scope === "global" })
    return { status: 429, headers: new Headers({ ...headers, "x-ratelimit-scope": scope }), body }
  }
}
