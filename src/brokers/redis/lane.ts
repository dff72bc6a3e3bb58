// What is published strictly in order: everything, where there is one server; each stream by itself in a cluster, whose
// streams live on different servers. What waits here is bounded by the delivery windows of the shards.

/** What was handed over as one. Settles once all its parts are confirmed. */
export class Publication {
  readonly settled: Promise<void>
  readonly #resolve: () => void
  readonly #reject: (error: Error) => void
  #partsLeft: number
  #isRejected = false

  constructor(parts: number) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.settled = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#partsLeft = parts
  }

  get isRejected(): boolean {
    return this.#isRejected
  }

  reject(error: Error): void {
    this.#isRejected = true
    this.#reject(error)
  }

  partConfirmed(): void {
    this.#partsLeft -= 1
    if (this.#partsLeft === 0) this.#resolve()
  }
}

/** Finished commands, which one transaction carries whole. */
export interface Part {
  readonly publication: Publication
  /** The slot of the shard whose events these are; null: no shard's. */
  readonly slot: number | null
  readonly commands: number
  readonly bytes: number
  /** Copies the commands, back to back. */
  copyTo(target: Uint8Array, at: number): void
  /** The key that a command writes to, by its position. */
  key(position: number): string
}

export class Lane {
  /** Its transactions must be let in by ASKING: the lane's slot is on its way to that server. */
  asking = false
  #parts: Part[] = []
  #inFlight = 0

  get isEmpty(): boolean {
    return this.#parts.length === 0
  }

  get isInFlight(): boolean {
    return this.#inFlight > 0
  }

  push(part: Part): void {
    this.#parts.push(part)
  }

  /** The parts of the next transaction: the first, and those after it while both bounds hold. One is in flight at most. */
  take(mostCommands: number, mostBytes: number): readonly Part[] {
    let commands = 0
    let bytes = 0
    let count = 0
    for (const part of this.#parts) {
      commands += part.commands
      bytes += part.bytes
      if (count > 0 && (commands > mostCommands || bytes > mostBytes)) break
      count += 1
    }
    this.#inFlight = count
    return this.#parts.slice(0, count)
  }

  /** The transaction was executed. */
  confirm(): void {
    for (const { publication } of this.#parts.splice(0, this.#inFlight)) publication.partConfirmed()
    this.#inFlight = 0
  }

  /** The transaction was not executed, or nobody knows: its parts go out again, first. */
  giveBack(): void {
    this.#inFlight = 0
    this.#parts = this.#parts.filter(({ publication }) => !publication.isRejected)
  }

  /**
   * Rejects what there is of a shard: none of it is sent again.
   * @returns whether some is on its way, where it stays
   */
  drop(slot: number, error: Error): boolean {
    for (const part of this.#parts) if (part.slot === slot) part.publication.reject(error)
    const isOnItsWay = this.#parts.slice(0, this.#inFlight).some((part) => part.slot === slot)
    const isKept = (part: Part, position: number) => position < this.#inFlight || part.slot !== slot
    this.#parts = this.#parts.filter(isKept)
    return isOnItsWay
  }

  reject(error: Error): void {
    for (const { publication } of this.#parts.splice(0)) publication.reject(error)
    this.#inFlight = 0
  }
}
