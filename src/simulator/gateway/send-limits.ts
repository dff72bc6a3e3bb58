// What a client may send on one connection: 120 payloads each 60 s, heartbeats included, and 5 presences each 20 s.
// Source: Discord's documentation, Gateway › Rate Limiting.

import { RateWindow } from "../../flow/rate-window.ts"

/** A client that keeps to a limit by its own clock is not punished for the network's jitter. */
const TOLERANCE_MS = 100
const PAYLOADS = { limit: 120, windowMs: 60_000 - TOLERANCE_MS }
const PRESENCES = { limit: 5, windowMs: 20_000 - TOLERANCE_MS }

export class SendLimits {
  readonly #payloads = new RateWindow(PAYLOADS)
  readonly #presences = new RateWindow(PRESENCES)

  /** Counts a payload. False when it is one too many. */
  takePayload(nowMs: number): boolean {
    return take(this.#payloads, nowMs)
  }

  /** Counts a presence, which was counted as a payload before. False when it is one too many. */
  takePresence(nowMs: number): boolean {
    return take(this.#presences, nowMs)
  }
}

function take(window: RateWindow, nowMs: number): boolean {
  if (window.waitMs(nowMs) > 0) return false
  window.take(nowMs)
  return true
}
