// Lets other sockets have their turn while one brings a flood. Bun reads up to 5 MB from a socket before it looks at another
// one, which is some 16,000 compressed events: in the 0.1 s that they take to decode, no confirm would be heard, so that the
// window fills up while the broker has nothing to do, and other shards would wait too. Frames that have waited are joined,
// since a push costs a fifth of decoding an event: to a decoder the frames of a connection are one stream.

/** About half a millisecond of decoding, where the frames are compressed. */
const TURN_BYTES = 32 * 1024
/** What may wait for a turn. Past that the oldest frames are handed over without one. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024

export class FrameTurns {
  readonly #soon: (run: () => void) => void
  readonly #frame: (bytes: Uint8Array) => void
  readonly #waiting: Uint8Array[] = []
  #waitingBytes = 0
  /** Bytes that this turn has room for. */
  #room = TURN_BYTES
  #scheduled = false

  /**
   * @param soon runs once other sockets had their turn: `setImmediate`
   * @param frame is given the frames, in order: one, or several back to back
   */
  constructor(soon: (run: () => void) => void, frame: (bytes: Uint8Array) => void) {
    this.#soon = soon
    this.#frame = frame
  }

  /** @param bytes are kept until it is their turn */
  add(bytes: Uint8Array): void {
    if (!this.#scheduled) {
      this.#scheduled = true
      this.#soon(this.#onTurn)
    }
    if (this.#room > 0) {
      this.#room -= bytes.length
      this.#frame(bytes)
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > MOST_WAITING_BYTES) this.#hand(TURN_BYTES)
  }

  /** Hands over what waits: the connection is gone. */
  end(): void {
    while (this.#waiting.length > 0) this.#hand(TURN_BYTES)
  }

  readonly #onTurn = (): void => {
    this.#hand(TURN_BYTES)
    this.#scheduled = this.#waiting.length > 0
    if (this.#scheduled) this.#soon(this.#onTurn)
    else this.#room = TURN_BYTES
  }

  /** The oldest frames, until they are as many bytes. */
  #hand(leastBytes: number): void {
    let count = 0
    let bytes = 0
    for (const frame of this.#waiting) {
      if (bytes >= leastBytes) break
      bytes += frame.length
      count += 1
    }
    this.#waitingBytes -= bytes
    if (count > 0) this.#frame(Buffer.concat(this.#waiting.splice(0, count)))
  }
}
