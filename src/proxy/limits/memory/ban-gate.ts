// The last gate: lanes that wait only because Cloudflare has banned the IP address, or lets it in again bit by bit.
// First come first served, with one timer for all of them.

import type { Clock } from "../../../flow/clock.ts"
import { Ban } from "../ban.ts"
import type { TokenLane } from "./token-lanes.ts"

export class BanGate {
  readonly ban = new Ban()
  readonly #clock: Clock
  readonly #letGo: (lane: TokenLane, nowMs: number) => void
  /** At most as many as there are lanes with somebody waiting. */
  readonly #held = new Set<TokenLane>()
  #cancel: (() => void) | null = null

  /** @param letGo sends one of the lane, or has it wait for its own limits, or holds it again. */
  constructor(clock: Clock, letGo: (lane: TokenLane, nowMs: number) => void) {
    this.#clock = clock
    this.#letGo = letGo
  }

  /** Holds the lane, unless it may go. @returns whether it is held. */
  holds(lane: TokenLane, nowMs: number): boolean {
    if (this.ban.isFree || this.ban.opensAtMs(nowMs) <= nowMs) return false
    this.#held.add(lane)
    this.#wait(nowMs)
    return true
  }

  /** Nobody waits there any more. */
  drop(lane: TokenLane): void {
    this.#held.delete(lane)
  }

  /** An answer came, or none: whatever that opens is used. */
  heard(isAnswer: boolean, nowMs: number): void {
    if (this.ban.isFree) return
    if (isAnswer) this.ban.answered(nowMs)
    else this.ban.unanswered()
    this.#wake(nowMs)
  }

  close(): void {
    this.#cancel?.()
  }

  #wake(nowMs: number): void {
    for (const lane of this.#held) {
      if (this.ban.opensAtMs(nowMs) > nowMs) break
      this.#held.delete(lane)
      this.#letGo(lane, nowMs)
    }
    this.#cancel?.()
    this.#cancel = null
    if (this.#held.size > 0) this.#wait(nowMs)
  }

  #wait(nowMs: number): void {
    this.#cancel ??= this.#clock.after(Math.max(0, this.ban.opensAtMs(nowMs) - nowMs), () => {
      this.#cancel = null
      this.#wake(this.#clock.nowMs())
    })
  }
}
