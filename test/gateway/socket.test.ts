// Bun's WebSocket client against a real server: what the gateway relies on.

import { afterEach, describe, expect, test } from "bun:test"
import { dialWebSocket, type SocketEvents } from "../../src/gateway/socket.ts"

let server: ReturnType<typeof Bun.serve> | undefined

afterEach(async () => {
  await server?.stop(true)
})

interface Peer {
  readonly onOpen: (ws: Bun.ServerWebSocket<undefined>) => void
  readonly onClose?: (code: number) => void
}

function serve({ onOpen, onClose = () => {} }: Peer): string {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no", { status: 400 })),
    websocket: { message: () => {}, open: onOpen, close: (_ws, code) => onClose(code) },
  })
  return `ws://127.0.0.1:${server.port}/`
}

function listen(events: Partial<SocketEvents>): SocketEvents {
  return { opened: () => {}, frame: () => {}, closed: () => {}, ...events }
}

describe("Bun's WebSocket client", () => {
  test.each([4000, 4004, 4009, 4014, 1000, 1001])("#3 close code %d arrives as sent", async (code) => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const url = serve({ onOpen: (ws) => ws.close(code) })
    dialWebSocket(url, listen({ closed: resolve }))
    expect(await promise).toBe(code)
  })

  test("#3 our close code reaches the server as given", async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const url = serve({ onOpen: () => {}, onClose: resolve })
    const socket = dialWebSocket(url, listen({ opened: () => socket.close(4900) }))
    expect(await promise).toBe(4900)
  })

  test("#3 terminate drops the connection, and a close event still comes, once", async () => {
    let closes = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    const { promise: serverSaw, resolve: sawClose } = Promise.withResolvers<number>()
    const url = serve({ onOpen: () => {}, onClose: sawClose })
    const closed = () => {
      closes += 1
      resolve()
    }
    const socket = dialWebSocket(url, listen({ opened: () => socket.terminate(), closed }))
    await Promise.all([promise, serverSaw])
    expect(closes).toBe(1)
  })

  test("a flood arrives whole and in order, also what still waits when the connection ends", async () => {
    const FRAMES = 3_000
    const FRAME_BYTES = 100
    const { promise, resolve } = Promise.withResolvers<void>()
    const url = serve({
      onOpen(ws) {
        for (let index = 0; index < FRAMES; index += 1) ws.send(Buffer.alloc(FRAME_BYTES, String(index).padStart(10)))
        ws.close(1000)
      },
    })
    const pieces: Uint8Array[] = []
    dialWebSocket(url, listen({ frame: (bytes) => pieces.push(bytes), closed: () => resolve() }))
    await promise
    const all = Buffer.concat(pieces).toString()
    expect(all.length).toBe(FRAMES * FRAME_BYTES)
    for (let index = 0; index < FRAMES; index += 1) {
      expect(Number(all.slice(index * FRAME_BYTES, index * FRAME_BYTES + 10))).toBe(index)
    }
  })

  test("a server that cannot be reached is a close with 1006", async () => {
    const url = serve({ onOpen: () => {} })
    await server?.stop(true)
    const { promise, resolve } = Promise.withResolvers<number>()
    dialWebSocket(url, listen({ closed: resolve }))
    expect(await promise).toBe(1006)
  })

  test("a refused upgrade is a close, never an open", async () => {
    server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("no", { status: 502 }) })
    const { promise, resolve } = Promise.withResolvers<string>()
    dialWebSocket(
      `ws://127.0.0.1:${server.port}/`,
      listen({ opened: () => resolve("opened"), closed: (code) => resolve(`closed ${code}`) }),
    )
    expect(await promise).toStartWith("closed")
  })

  test("text and binary frames both come as bytes", async () => {
    const { promise, resolve } = Promise.withResolvers<string[]>()
    const frames: string[] = []
    const url = serve({
      onOpen(ws) {
        ws.sendText("text é")
        ws.sendBinary(Buffer.from("binary"))
      },
    })
    const frame = (bytes: Uint8Array) => {
      frames.push(Buffer.from(bytes).toString())
      if (frames.length === 2) resolve(frames)
    }
    const socket = dialWebSocket(url, listen({ frame }))
    expect(await promise).toEqual(["text é", "binary"])
    socket.terminate()
  })
})
