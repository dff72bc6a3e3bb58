// Who lets a connection write: the next answer of the ledger that was asked for after the connection came (write-fence.ts in
// brokers/redis says why after).

import type { WriteFence, WriterMark } from "../../brokers/redis/write-fence.ts"

export class Admission implements WriteFence {
  readonly mark: WriterMark
  /** All that wait, and the beat that was the last one when the latest of them came. */
  #waiting: { readonly answered: PromiseWithResolvers<void>; afterBeat: number } | null = null
  #beats = 0
  #onAsked = (): void => {}

  constructor(mark: WriterMark) {
    this.mark = mark
  }

  admit(): Promise<void> {
    this.#waiting ??= { answered: Promise.withResolvers(), afterBeat: 0 }
    this.#waiting.afterBeat = this.#beats
    this.#onAsked()
    return this.#waiting.answered.promise
  }

  /** @param listener a connection waits: a beat is due */
  onAsked(listener: () => void): void {
    this.#onAsked = listener
    if (this.#waiting !== null) listener()
  }

  /** @returns the beat's number */
  beatSent(): number {
    this.#beats += 1
    return this.#beats
  }

  /** The ledger has this process among its members, and what it said of its shards has been carried out. */
  answered(beat: number): void {
    if (this.#waiting === null || beat <= this.#waiting.afterBeat) return
    this.#waiting.answered.resolve()
    this.#waiting = null
  }
}
