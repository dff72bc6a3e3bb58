// Memory for batches that wait for their confirm, used again afterwards: fresh memory costs the system a page fault for every
// few events. One pool serves all shards of the process, so that what a flood of one has taken serves the next one's.

import { RECORD_INTS } from "../codec/batch.ts"

/** Events of a batch: what a broker sends as one. */
export const BATCH_EVENTS = 512
/** Buffers are of a few sizes, each a power of two. */
const LEAST_BYTES = 64 * 1024
/** Larger buffers are rare (a GUILD_CREATE of a large guild) and not worth keeping. */
const LARGEST_KEPT_BYTES = 1024 * 1024
/** What is kept in all; the rest is left to the garbage collector. */
const MOST_KEPT_BYTES = 16 * 1024 * 1024

/** Room for the bytes of a batch and its records. */
export interface BatchBuffer {
  readonly bytes: Uint8Array
  readonly records: Int32Array
}

export class BufferPool {
  readonly #kept = new Map<number, BatchBuffer[]>()
  #keptBytes = 0

  /** Room for at least `length` bytes, with any content. */
  take(length: number): BatchBuffer {
    const size = Math.max(LEAST_BYTES, nextPowerOfTwo(length))
    const kept = this.#kept.get(size)?.pop()
    if (kept === undefined) {
      return { bytes: new Uint8Array(size), records: new Int32Array(BATCH_EVENTS * RECORD_INTS) }
    }
    this.#keptBytes -= size
    return kept
  }

  /** Takes back what `take` gave; nobody may use it any longer. */
  give(buffer: BatchBuffer): void {
    const size = buffer.bytes.length
    if (size > LARGEST_KEPT_BYTES || this.#keptBytes + size > MOST_KEPT_BYTES) return
    this.#keptBytes += size
    const kept = this.#kept.get(size)
    if (kept === undefined) this.#kept.set(size, [buffer])
    else kept.push(buffer)
  }
}

function nextPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)))
}
