// The last events of a guild, by age and by number.

export class RecentEvents<E extends { readonly atMs: number }> {
  readonly #lastMs: number
  readonly #most: number
  #events: E[] = []
  /** Those before it have left the window. */
  #start = 0
  /** Before that it knows of nothing: it began then, or the last one left for want of room. */
  #knowsFromMs: number

  /** @param nowMs nothing that came before is known */
  constructor({ lastMs, most, nowMs }: { readonly lastMs: number; readonly most: number; readonly nowMs: number }) {
    this.#lastMs = lastMs
    this.#most = most
    this.#knowsFromMs = nowMs
  }

  add(event: E): void {
    this.#events.push(event)
    this.#forget(event.atMs)
    // In one go, now and then: events are not copied again and again.
    if (this.#start <= this.#most) return
    this.#events = this.#events.slice(this.#start)
    this.#start = 0
  }

  first(): E | undefined {
    return this.#events[this.#start]
  }

  /** Oldest first. */
  at(nowMs: number): readonly E[] {
    this.#forget(nowMs)
    return this.#events.slice(this.#start)
  }

  /** Whether nothing is lacking that is young enough. */
  isComplete(nowMs: number): boolean {
    return this.#knowsFromMs <= nowMs - this.#lastMs
  }

  #forget(nowMs: number): void {
    while (this.#start < this.#events.length - this.#most) {
      this.#knowsFromMs = this.#events[this.#start]?.atMs ?? this.#knowsFromMs
      this.#start += 1
    }
    while ((this.#events[this.#start]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs - this.#lastMs) this.#start += 1
  }
}
