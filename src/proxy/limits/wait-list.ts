// Who waits for one lane: by priority, first come first served within it. What Discord has sent back keeps its place before
// those that came later. Any place can be given up at once.

import { PRIORITIES, type Priority } from "./limiter.ts"

export interface Waiting {
  readonly priority: Priority
  /** It went already, and Discord answered 429. */
  readonly isRepeat?: boolean
}

/** Of one priority, in the order in which they go. */
interface Line<W> {
  readonly repeats: Set<W>
  readonly others: Set<W>
}

export class WaitList<W extends Waiting> {
  readonly #lines = new Map<Priority, Line<W>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(waiter: W): void {
    let line = this.#lines.get(waiter.priority)
    if (line === undefined) {
      line = { repeats: new Set(), others: new Set() }
      this.#lines.set(waiter.priority, line)
    }
    const set = waiter.isRepeat === true ? line.repeats : line.others
    set.add(waiter)
    this.#size += 1
  }

  /** False when it was not there. */
  delete(waiter: W): boolean {
    const line = this.#lines.get(waiter.priority)
    const wasThere = line !== undefined && (line.others.delete(waiter) || line.repeats.delete(waiter))
    if (wasThere) this.#size -= 1
    return wasThere
  }

  first(): W | undefined {
    for (const waiter of this) return waiter
    return undefined
  }

  count(priority: Priority): number {
    const line = this.#lines.get(priority)
    return line === undefined ? 0 : line.repeats.size + line.others.size
  }

  *[Symbol.iterator](): Generator<W> {
    for (const priority of PRIORITIES) {
      const line = this.#lines.get(priority)
      if (line === undefined) continue
      yield* line.repeats
      yield* line.others
    }
  }
}
