// Bytes that arrived and were not used yet, in one piece. Grows to the longest message and is reused.

const FIRST_CAPACITY_BYTES = 64 * 1024

export class InputBuffer {
  #buffer = Buffer.allocUnsafe(FIRST_CAPACITY_BYTES)
  #start = 0
  #end = 0

  get length(): number {
    return this.#end - this.#start
  }

  /** A view of what waits, valid until the next `append`. */
  bytes(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  /** Copies `chunk` behind what waits. */
  append(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length)
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.#start += count
    if (this.#start === this.#end) {
      this.#start = 0
      this.#end = 0
    }
  }

  #makeRoom(count: number): void {
    const waiting = this.bytes()
    const needed = waiting.length + count
    const capacity = needed > this.#buffer.length ? Math.max(needed, this.#buffer.length * 2) : this.#buffer.length
    const target = capacity === this.#buffer.length ? this.#buffer : Buffer.allocUnsafe(capacity)
    target.set(waiting)
    this.#buffer = target
    this.#start = 0
    this.#end = waiting.length
  }
}
