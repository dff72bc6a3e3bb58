// Named timers: starting one that runs starts it anew.

import type { Clock } from "./clock.ts"

export class Timers<Name extends string> {
  readonly #clock: Clock
  readonly #onTimer: (name: Name) => void
  readonly #running = new Map<Name, () => void>()

  constructor(clock: Clock, onTimer: (name: Name) => void) {
    this.#clock = clock
    this.#onTimer = onTimer
  }

  start(name: Name, delayMs: number): void {
    this.cancel(name)
    const cancel = this.#clock.after(delayMs, () => {
      this.#running.delete(name)
      this.#onTimer(name)
    })
    this.#running.set(name, cancel)
  }

  cancel(name: Name): void {
    this.#running.get(name)?.()
    this.#running.delete(name)
  }
}
