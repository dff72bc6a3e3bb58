// Who waits for one lane: by priority, first come first served within it. Any place can be given up at once.

import { PRIORITIES, type Priority } from "./limiter.ts"

export interface Waiting {
  readonly priority: Priority
}

export class WaitList<W extends Waiting> {
  readonly #lists = new Map<Priority, Set<W>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(waiter: W): void {
    let list = this.#lists.get(waiter.priority)
    if (list === undefined) {
      list = new Set()
      this.#lists.set(waiter.priority, list)
    }
    list.add(waiter)
    this.#size += 1
  }

  /** False when it was not there. */
  delete(waiter: W): boolean {
    const wasThere = this.#lists.get(waiter.priority)?.delete(waiter) === true
    if (wasThere) this.#size -= 1
    return wasThere
  }

  first(): W | undefined {
    for (const priority of PRIORITIES) {
      for (const waiter of this.#lists.get(priority) ?? []) return waiter
    }
    return undefined
  }

  count(priority: Priority): number {
    return this.#lists.get(priority)?.size ?? 0
  }

  *[Symbol.iterator](): Generator<W> {
    for (const priority of PRIORITIES) yield* this.#lists.get(priority) ?? []
  }
}
