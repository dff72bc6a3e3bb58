// The ban that Cloudflare puts on an address after too many invalid requests: 401, 403, and 429 unless it was shared.
// Source: Discord's documentation, Rate Limits › Invalid Request Limit.

import type { InvalidRequestLimit } from "./settings.ts"

interface Offender {
  count: number
  windowEndsMs: number
  /** Blocked until then. */
  blockedUntilMs: number
}

const MAX_ADDRESSES = 10_000

export class InvalidRequests {
  readonly #offenders = new Map<string, Offender>()

  /** Milliseconds that the address stays blocked; 0: it is not. */
  blockedMs(ip: string, nowMs: number): number {
    return Math.max(0, (this.#offenders.get(ip)?.blockedUntilMs ?? nowMs) - nowMs)
  }

  count(ip: string, nowMs: number, { limit, windowMs, blockMs }: InvalidRequestLimit): void {
    const offender = this.#offender(ip, nowMs)
    if (nowMs >= offender.windowEndsMs) {
      offender.count = 0
      offender.windowEndsMs = nowMs + windowMs
    }
    offender.count += 1
    if (offender.count >= limit) offender.blockedUntilMs = nowMs + blockMs
  }

  /** Invalid requests of the address in its window. */
  of(ip: string, nowMs: number): number {
    const offender = this.#offenders.get(ip)
    return offender === undefined || nowMs >= offender.windowEndsMs ? 0 : offender.count
  }

  clear(): void {
    this.#offenders.clear()
  }

  #offender(ip: string, nowMs: number): Offender {
    const known = this.#offenders.get(ip)
    if (known !== undefined) return known
    const [oldest] = this.#offenders.keys()
    if (this.#offenders.size >= MAX_ADDRESSES && oldest !== undefined) this.#offenders.delete(oldest)
    const offender = { count: 0, windowEndsMs: nowMs, blockedUntilMs: nowMs }
    this.#offenders.set(ip, offender)
    return offender
  }
}
