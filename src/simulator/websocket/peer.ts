// The other end of one WebSocket, over a raw socket: messages in, frames out with a bounded queue, the close handshake,
// and the ways in which a connection can fail: dropped, or half-open.

import type { Clock } from "../../flow/clock.ts"
import { encodeFrame, FrameOpcode, FrameReader } from "./frames.ts"

/** What a peer needs of a TCP socket. */
export interface Link {
  /** @returns how many bytes were taken. */
  write(bytes: Uint8Array): number
  /** Closes after what was written. */
  end(): void
  /** Closes at once. */
  terminate(): void
  pause(): void
  resume(): void
}

/** How a connection ended. `code` is null where there was no close frame, or none in it. */
export interface Ending {
  readonly by: "client" | "server"
  readonly code: number | null
  readonly reason: string
}

export interface PeerHandlers {
  message(payload: Buffer): void
  tooLarge(): void
  /** Once, as soon as the end is known; the TCP connection may linger. */
  ended(ending: Ending): void
  drained(): void
}

const MAX_INCOMING_BYTES = 4_096
/** A client that leaves this much unread is dropped. */
const MAX_QUEUED_BYTES = 512 * 1024 * 1024
const CLOSE_HANDSHAKE_MS = 5_000
const PROTOCOL_ERROR = 1002

export class Peer {
  readonly #link: Link
  readonly #clock: Clock
  readonly #handlers: PeerHandlers
  readonly #reader = new FrameReader(MAX_INCOMING_BYTES)
  #queue: Uint8Array[] = []
  /** Where the queue starts: what is before was sent. */
  #sent = 0
  #queuedBytes = 0
  #state: "open" | "closing" | "ended" = "open"
  #stalled = false
  #cancelDeadline: (() => void) | undefined

  constructor(link: Link, clock: Clock, handlers: PeerHandlers) {
    this.#link = link
    this.#clock = clock
    this.#handlers = handlers
  }

  /** Bytes that the client has not taken yet. */
  queuedBytes(): number {
    return this.#queuedBytes
  }

  isOpen(): boolean {
    return this.#state === "open"
  }

  /** Sends finished frames. Does nothing once the connection has ended. */
  send(frames: Uint8Array): void {
    if (this.#state !== "open" || this.#stalled) return
    this.#write(frames)
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.drop()
  }

  /** Starts the close handshake. */
  close(code: number, reason = ""): void {
    if (this.#state !== "open") return
    this.#end({ by: "server", code, reason }, "closing")
    if (this.#stalled) return
    this.#write(encodeFrame(FrameOpcode.close, closePayload(code, reason)))
    this.#cancelDeadline = this.#clock.after(CLOSE_HANDSHAKE_MS, () => this.#terminate())
  }

  /** Cuts the TCP connection without a word. */
  drop(): void {
    this.#end({ by: "server", code: null, reason: "" }, "ended")
    this.#terminate()
  }

  /** Leaves the connection half-open: open as far as TCP goes, but nothing is read, answered or closed any more. */
  stall(): void {
    this.#stalled = true
    this.#clearQueue()
    this.#link.pause()
  }

  /** The socket brought bytes. */
  receive(bytes: Uint8Array): void {
    if (this.#stalled || this.#state === "ended") return
    for (const incoming of this.#reader.push(bytes)) {
      if (incoming.type === "close") return this.#closedByClient(incoming.code, incoming.reason)
      if (this.#state !== "open") continue
      if (incoming.type === "message") this.#handlers.message(incoming.payload)
      else if (incoming.type === "ping") this.send(encodeFrame(FrameOpcode.pong, incoming.payload))
      else if (incoming.type === "too-large") this.#handlers.tooLarge()
      else this.close(PROTOCOL_ERROR, "A frame that RFC 6455 does not allow.")
    }
  }

  /** The socket can take more. */
  drain(): void {
    for (let head = this.#queue[this.#sent]; head !== undefined; head = this.#queue[this.#sent]) {
      const written = this.#writeNow(head)
      this.#queuedBytes -= written
      if (written < head.length) {
        this.#queue[this.#sent] = head.subarray(written)
        return
      }
      this.#sent += 1
    }
    this.#clearQueue()
    if (this.#state === "open") this.#handlers.drained()
    else if (this.#state === "ended") this.#link.end()
  }

  /** The socket is gone. */
  lost(): void {
    this.#end({ by: "client", code: null, reason: "" }, "ended")
    this.#cancelDeadline?.()
  }

  #write(bytes: Uint8Array): void {
    const written = this.#queuedBytes === 0 ? this.#writeNow(bytes) : 0
    if (written === bytes.length) return
    this.#queue.push(bytes.subarray(written))
    this.#queuedBytes += bytes.length - written
  }

  /** A socket that is gone takes nothing and says -1. */
  #writeNow(bytes: Uint8Array): number {
    return Math.max(0, this.#link.write(bytes))
  }

  #clearQueue(): void {
    this.#queue = []
    this.#sent = 0
    this.#queuedBytes = 0
  }

  #closedByClient(code: number | null, reason: string): void {
    const answer = this.#state === "open"
    this.#end({ by: "client", code, reason }, "ended")
    if (answer) this.#write(encodeFrame(FrameOpcode.close, code === null ? EMPTY : closePayload(code, "")))
    this.#state = "ended"
    this.#cancelDeadline?.()
    if (this.#queuedBytes === 0) this.#link.end()
  }

  #end(ending: Ending, state: "closing" | "ended"): void {
    const first = this.#state === "open"
    if (this.#state !== "ended") this.#state = state
    if (first) this.#handlers.ended(ending)
  }

  #terminate(): void {
    this.#state = "ended"
    this.#cancelDeadline?.()
    this.#link.terminate()
  }
}

const EMPTY = new Uint8Array(0)

function closePayload(code: number, reason: string): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason))
  payload.writeUInt16BE(code, 0)
  payload.write(reason, 2)
  return payload
}
