// Counts what has come, and tells when enough has.

const QUIET_MS = 300

export class Counter {
  #count = 0
  #target = Number.POSITIVE_INFINITY
  #reached = () => {}
  #progress: (counted: number) => void = () => {}
  #from = 0

  add(events: number): void {
    this.#count += events
    this.#progress(this.#count - this.#from)
    if (this.#count >= this.#target) this.#reached()
  }

  /**
   * Resolves when that many more were counted.
   * @param progress told how many it is so far, each time it is more
   */
  more(events: number, progress: (counted: number) => void = () => {}): Promise<void> {
    this.#from = this.#count
    this.#progress = progress
    this.#target = this.#count + events
    return new Promise((resolve) => {
      this.#reached = resolve
    })
  }

  /** Resolves when something was counted and nothing more came for a while: READY and the guilds are through. */
  async quiet(): Promise<void> {
    for (let before = 0; before === 0 || before !== this.#count; ) {
      before = this.#count
      await Bun.sleep(QUIET_MS)
    }
  }
}
