// Buffers for batches that wait for their confirm, used again afterwards. A few are kept; the rest is left to the
// garbage collector.

const LEAST_BYTES = 64 * 1024
const LEAST_RECORDS = 1_024
/** Larger buffers are rare (a flood of GUILD_CREATE) and not worth keeping. */
const LARGEST_KEPT_BYTES = 1024 * 1024
const MOST_KEPT = 16

export class BufferPool {
  readonly #bytes: Uint8Array[] = []
  readonly #records: Int32Array[] = []

  /** At least `length` bytes, of any content. */
  bytes(length: number): Uint8Array {
    const kept = this.#bytes.pop()
    if (kept !== undefined && kept.length >= length) return kept
    return new Uint8Array(Math.max(LEAST_BYTES, nextPowerOfTwo(length)))
  }

  /** At least `length` integers, of any content. */
  records(length: number): Int32Array {
    const kept = this.#records.pop()
    if (kept !== undefined && kept.length >= length) return kept
    return new Int32Array(Math.max(LEAST_RECORDS, nextPowerOfTwo(length)))
  }

  /** Takes both back; nobody may use them any longer. */
  give(bytes: Uint8Array, records: Int32Array): void {
    if (bytes.length <= LARGEST_KEPT_BYTES && this.#bytes.length < MOST_KEPT) this.#bytes.push(bytes)
    if (this.#records.length < MOST_KEPT) this.#records.push(records)
  }
}

function nextPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)))
}
