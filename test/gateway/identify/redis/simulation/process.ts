// A process of the simulation: it can be paused, so that nothing in it runs until it goes on, and it can crash.

import type { Clock } from "../../../../../src/flow/clock.ts"

export class SimulatedProcess {
  readonly name: string
  readonly clock: Clock
  readonly #world: Clock
  #isPaused = false
  #isDead = false
  /** What fell due while it was paused, in order. */
  #due: (() => void)[] = []

  constructor(name: string, world: Clock) {
    this.name = name
    this.#world = world
    this.clock = {
      nowMs: () => world.nowMs(),
      wallMs: () => world.wallMs(),
      after: (delayMs, run) => {
        let isCancelled = false
        const cancel = world.after(delayMs, () =>
          this.run(() => {
            if (!isCancelled) run()
          }),
        )
        return () => {
          isCancelled = true
          cancel()
        }
      },
    }
  }

  get isAlive(): boolean {
    return !this.#isDead
  }

  /** Runs in the process, now or when it goes on. */
  run(what: () => void): void {
    if (this.#isDead) return
    if (this.#isPaused) this.#due.push(what)
    else what()
  }

  pause(forMs: number): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#world.after(forMs, () => {
      this.#isPaused = false
      const due = this.#due
      this.#due = []
      for (const what of due) this.run(what)
    })
  }

  crash(): void {
    this.#isDead = true
    this.#due = []
  }
}
