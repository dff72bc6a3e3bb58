// The last gate: whoever waits only because Cloudflare has banned the IP address, or lets it in again bit by bit.
// The urgent first, then first come first served, with one timer for all of them.

import type { Clock } from "../../flow/clock.ts"
import { Ban } from "./ban.ts"

/** @typeParam Waiting what is let through one at a time: a lane, or a token. */
export class BanGate<Waiting> {
  readonly ban = new Ban()
  readonly #clock: Clock
  readonly #letGo: (one: Waiting, nowMs: number) => void
  /** At most as many as there are with somebody waiting. */
  readonly #urgent = new Set<Waiting>()
  readonly #others = new Set<Waiting>()
  #cancel: (() => void) | null = null

  /** @param letGo lets one request go, or has it wait for its own limits, or holds it again. */
  constructor(clock: Clock, letGo: (one: Waiting, nowMs: number) => void) {
    this.#clock = clock
    this.#letGo = letGo
  }

  /** Holds it back, unless it may go. @returns whether it is held. */
  holds(one: Waiting, nowMs: number, isUrgent = false): boolean {
    if (this.ban.isFree || this.ban.opensAtMs(nowMs) <= nowMs) return false
    const held = isUrgent ? this.#urgent : this.#others
    held.add(one)
    this.#wait(nowMs)
    return true
  }

  /** Nobody waits there any more. */
  drop(one: Waiting): void {
    this.#urgent.delete(one)
    this.#others.delete(one)
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
    for (const held of [this.#urgent, this.#others]) {
      for (const one of held) {
        if (this.ban.opensAtMs(nowMs) > nowMs) break
        held.delete(one)
        this.#letGo(one, nowMs)
      }
    }
    this.#cancel?.()
    this.#cancel = null
    if (this.#urgent.size + this.#others.size > 0) this.#wait(nowMs)
  }

  #wait(nowMs: number): void {
    this.#cancel ??= this.#clock.after(Math.max(0, this.ban.opensAtMs(nowMs) - nowMs), () => {
      this.#cancel = null
      this.#wake(this.#clock.nowMs())
    })
  }
}
