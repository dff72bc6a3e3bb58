// One gateway connection on Bun's WebSocket client, behind a port that the simulation implements too.

import { FrameTurns } from "./frame-turns.ts"

export interface SocketEvents {
  readonly opened: () => void
  /** One frame, or several back to back; the bytes may be kept. */
  readonly frame: (bytes: Uint8Array) => void
  /** The connection is gone. 1006 where no close frame came, also when it was never reached. */
  readonly closed: (code: number, reason: string) => void
}

export interface Socket {
  send(text: string): void
  /** Starts the close handshake. `closed` may come before this returns, or never. */
  close(code: number): void
  /** Drops the connection without a handshake. */
  terminate(): void
}

/** Dials a URL. No event comes before it returns. */
export type Dial = (url: string, events: SocketEvents) => Socket

export const dialWebSocket: Dial = (url, events) => {
  // Discord compresses the stream itself; the extension would do it twice.
  const socket = new WebSocket(url, { perMessageDeflate: false })
  socket.binaryType = "nodebuffer"
  socket.onopen = () => events.opened()
  // The bytes of a binary frame come as a Buffer, those of a text frame as a string.
  const turns = new FrameTurns(setImmediate, events.frame)
  socket.onmessage = ({ data }: MessageEvent<Buffer | string>) => {
    turns.add(typeof data === "string" ? Buffer.from(data) : data)
  }
  socket.onclose = ({ code, reason }) => {
    turns.end()
    events.closed(code, reason)
  }
  // Always followed by `close`.
  socket.onerror = () => {}
  return {
    send: (text) => socket.send(text),
    close: (code) => socket.close(code),
    terminate: () => socket.terminate(),
  }
}
