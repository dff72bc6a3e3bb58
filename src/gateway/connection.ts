// One connection, from its dial to its end: a socket and what the decoder makes of its frames. Once closed from our side
// it says nothing more, however late the socket's own events come.

import type { ControlPacket, Decoder } from "../codec/decoder.ts"
import { DecodeError } from "../codec/decoder.ts"
import type { Clock } from "../flow/clock.ts"
import type { Dial, Socket } from "./socket.ts"

/** How long a close handshake may take before the connection is dropped. */
export const CLOSE_GRACE_MS = 2_000

export interface ConnectionEvents {
  readonly opened: () => void
  readonly control: (packet: ControlPacket) => void
  /** After each frame that was decoded, and its control packets. */
  readonly frame: (frameBytes: number) => void
  /** The rest of the stream cannot be decoded. */
  readonly corrupt: (kind: string, message: string) => void
  readonly closed: (code: number) => void
}

export interface ConnectionOptions {
  readonly url: string
  readonly dial: Dial
  readonly decoder: Decoder
  readonly clock: Clock
  readonly on: ConnectionEvents
}

export class Connection {
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #gone: Promise<void>
  #current = true
  #resolveGone: () => void = () => {}

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#gone = new Promise((resolve) => {
      this.#resolveGone = resolve
    })
    const { dial, url, on } = options
    this.#socket = dial(url, {
      opened: () => {
        if (this.#current) on.opened()
      },
      frame: (bytes) => {
        if (this.#current) this.#onFrame(bytes)
      },
      closed: (code) => {
        this.#resolveGone()
        if (this.#current) on.closed(code)
      },
    })
  }

  send(text: string): void {
    if (this.#current) this.#socket.send(text)
  }

  /** Closes, and drops the connection where the handshake never completes. Resolves when the socket is gone. */
  close(code: number): Promise<void> {
    this.#current = false
    const cancel = this.#options.clock.after(CLOSE_GRACE_MS, () => {
      this.#socket.terminate()
      this.#resolveGone()
    })
    this.#socket.close(code)
    return this.#gone.then(cancel)
  }

  /** Called for every frame: nothing here may cost more than it must. */
  #onFrame(bytes: Uint8Array): void {
    const { decoder, on } = this.#options
    let control = 0
    try {
      control = decoder.push(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      on.corrupt(error.kind, error.message)
      return
    }
    if (control > 0) {
      for (const packet of decoder.takeControl()) {
        // An earlier packet may have ended this connection.
        if (this.#current) on.control(packet)
      }
    }
    if (this.#current) on.frame(bytes.length)
  }
}
