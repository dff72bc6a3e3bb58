// What a connection sends, in the order of its compression stream. While it is corked, frames can be prepared for later
// and everything else waits behind them.

import type { Corruption } from "../faults/fault.ts"
import type { Peer } from "../websocket/peer.ts"
import type { Wire } from "./wire.ts"

/** Messages that wait behind a prepared burst; a client past it is dropped. */
const MAX_CORKED = 100_000

export class Outbox {
  readonly #peer: Peer
  readonly #wire: Wire
  #corked: Buffer[] | undefined
  #whenDrained: (() => void)[] = []

  constructor(peer: Peer, wire: Wire) {
    this.#peer = peer
    this.#wire = wire
  }

  /** Sends a payload. Does nothing once the connection has ended. */
  send(json: Buffer): void {
    if (!this.#peer.isOpen()) return
    if (this.#corked === undefined) return this.#wire.send(json)
    this.#corked.push(json)
    if (this.#corked.length > MAX_CORKED) this.#peer.drop()
  }

  sendCorrupt(json: Buffer, how: Corruption): void {
    if (this.#peer.isOpen()) this.#wire.sendCorrupt(json, how)
  }

  cork(): void {
    this.#corked ??= []
  }

  /** The finished frames of a payload, for `sendFrames`; undefined once the connection has ended. */
  prepare(json: Buffer): Buffer | undefined {
    return this.#peer.isOpen() ? this.#wire.frames(json) : undefined
  }

  sendFrames(frames: Buffer): void {
    this.#peer.send(frames)
  }

  uncork(): void {
    const waiting = this.#corked ?? []
    this.#corked = undefined
    for (const json of waiting) this.send(json)
  }

  /** Bytes that the client has not taken yet. */
  queuedBytes(): number {
    return this.#peer.queuedBytes()
  }

  /** Resolves once the client has taken everything, or is gone. */
  drained(): Promise<void> {
    if (this.#peer.queuedBytes() === 0 || !this.#peer.isOpen()) return Promise.resolve()
    return new Promise((resolve) => this.#whenDrained.push(resolve))
  }

  /** The client has taken everything, or is gone. */
  settle(): void {
    const waiting = this.#whenDrained
    this.#whenDrained = []
    for (const resolve of waiting) resolve()
  }

  close(): void {
    this.#wire.close()
    this.settle()
  }
}
