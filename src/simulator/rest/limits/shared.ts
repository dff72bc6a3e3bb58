// Limits of a resource that all bots share: while one is held, every request of its route gets a 429 of scope `shared`,
// whatever its own bucket says.

export interface SharedLimit {
  /** `METHOD /template`. */
  readonly route: string
  /** Only this channel, guild or webhook. */
  readonly major?: string
}

const MAX_HELD = 1_000

export class SharedLimits {
  readonly #held = new Map<string, number>()

  hold({ route, major = "*" }: SharedLimit, untilMs: number): void {
    if (this.#held.size >= MAX_HELD)
      throw new RangeError(`Cannot hold more than ${MAX_HELD} shared limits: let some pass.`)
    this.#held.set(`${route} ${major}`, untilMs)
  }

  /** Milliseconds until the route is free again; 0: it is. */
  waitMs(route: string, major: string, nowMs: number): number {
    if (this.#held.size === 0) return 0
    for (const key of [`${route} *`, `${route} ${major}`]) {
      const untilMs = this.#held.get(key)
      if (untilMs === undefined) continue
      if (untilMs > nowMs) return untilMs - nowMs
      this.#held.delete(key)
    }
    return 0
  }

  clear(): void {
    this.#held.clear()
  }
}
