// The last so many of something: each one that comes puts out the oldest. (A Map whose oldest entries are deleted again
// and again skips all of them when it is asked for its first.)

export class Ring<T> {
  readonly #limit: number
  readonly #items: T[] = []
  #next = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Takes it in; what had to leave for it. */
  push(item: T): T | undefined {
    const oldest = this.#items.length < this.#limit ? undefined : this.#items[this.#next]
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.#limit
    return oldest
  }
}
