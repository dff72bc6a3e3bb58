// The last events of a pair of shards, by age and by weight.

export interface RecentEventsOptions<E> {
  readonly lastMs: number
  /** Of all events together. */
  readonly mostWeight: number
  readonly weightOf: (event: E) => number
  /** Nothing that came before is known; null: and not from when on either, until `knowsFrom` says so. */
  readonly nowMs: number | null
}

export class RecentEvents<E extends { readonly atMs: number }> {
  readonly #options: RecentEventsOptions<E>
  #events: E[] = []
  /** Those before it have left the window. */
  #start = 0
  #weight = 0
  /** Before that it knows not all: it began then, or the last one left for want of room. */
  #knowsFromMs: number

  constructor(options: RecentEventsOptions<E>) {
    this.#options = options
    this.#knowsFromMs = options.nowMs ?? Number.POSITIVE_INFINITY
  }

  /** Whatever it has stays, but something may lack before `nowMs`; null: until it is said anew. */
  knowsFrom(nowMs: number | null): void {
    this.#knowsFromMs = nowMs ?? Number.POSITIVE_INFINITY
  }

  add(event: E): void {
    const { mostWeight, weightOf } = this.#options
    this.#events.push(event)
    this.#weight += weightOf(event)
    for (let first = this.first(); this.#weight > mostWeight && first !== undefined; first = this.first()) {
      this.#knowsFromMs = Math.max(this.#knowsFromMs, first.atMs)
      this.#drop(first)
    }
    this.forget(event.atMs)
  }

  first(): E | undefined {
    return this.#events[this.#start]
  }

  /** Oldest first. */
  at(nowMs: number): readonly E[] {
    this.forget(nowMs)
    return this.#events.slice(this.#start)
  }

  /** All that it has, however old. */
  all(): readonly E[] {
    return this.#events.slice(this.#start)
  }

  /** Whether nothing is lacking that is young enough. */
  isComplete(nowMs: number): boolean {
    return this.#knowsFromMs <= nowMs - this.#options.lastMs
  }

  forget(nowMs: number): void {
    const untilMs = nowMs - this.#options.lastMs
    for (let first = this.first(); first !== undefined && first.atMs <= untilMs; first = this.first()) this.#drop(first)
    // In one go, now and then: events are not copied again and again.
    if (this.#start <= this.#events.length / 2) return
    this.#events = this.#events.slice(this.#start)
    this.#start = 0
  }

  #drop(first: E): void {
    this.#weight -= this.#options.weightOf(first)
    this.#start += 1
  }
}
