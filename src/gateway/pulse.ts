// The heartbeat of a connection that is under way, and who waits for its answer.

import type { Clock } from "../flow/clock.ts"

export class Pulse {
  readonly #clock: Clock
  /** Of several that are under way the first: so is the first answer. */
  #sentMs: number | null = null
  #latencyMs: number | null = null
  #waiting: ((sentMs: number | null) => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What the last answer took. */
  get latencyMs(): number | null {
    return this.#latencyMs
  }

  get isUnderWay(): boolean {
    return this.#sentMs !== null
  }

  sent(): void {
    this.#sentMs ??= this.#clock.nowMs()
  }

  /** @returns what the answer took; null where none was due */
  answered(): number | null {
    if (this.#sentMs === null) return null
    this.#latencyMs = this.#clock.nowMs() - this.#sentMs
    this.#end(this.#sentMs)
    return this.#latencyMs
  }

  /** The connection is gone. */
  lost(): void {
    this.#end(null)
  }

  /** Resolves at the answer to when the heartbeat was sent, by the clock; to null when the connection ends first. */
  answer(): Promise<number | null> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #end(sentMs: number | null): void {
    this.#sentMs = null
    for (const resolve of this.#waiting.splice(0)) resolve(sentMs)
  }
}
