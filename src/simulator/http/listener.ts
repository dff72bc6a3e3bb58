// The REST port. HTTP is spoken here by hand, over TCP: what a simulated Discord must be able to do to a connection (cut
// it before the body was read, or half-way through the answer) a web server has no words for.

import type { Socket, TCPSocketListener } from "bun"
import { claimPort } from "../claim-port.ts"
import { HttpConnection, type HttpService } from "./connection.ts"

interface SocketData {
  connection: HttpConnection
}

export class HttpListener {
  readonly port: number
  readonly #listener: TCPSocketListener<SocketData>
  readonly #sockets = new Set<Socket<SocketData>>()

  /** @throws OperatorError when the port cannot be had. */
  constructor({ hostname, port, service }: { hostname: string; port: number; service: HttpService }) {
    this.#listener = claimPort(hostname, port, () =>
      Bun.listen<SocketData>({
        hostname,
        port,
        socket: {
          open: (socket) => {
            this.#sockets.add(socket)
            socket.data = { connection: new HttpConnection(socket, service, socket.remoteAddress) }
          },
          data: (socket, bytes) => socket.data.connection.receive(bytes),
          drain: (socket) => socket.data.connection.drain(),
          close: (socket) => {
            this.#sockets.delete(socket)
            socket.data.connection.lost()
          },
          error: (socket) => socket.terminate(),
        },
      }),
    )
    this.port = this.#listener.port
  }

  /** Lets go of the port and cuts every connection. */
  close(): void {
    this.#listener.stop(true)
    for (const socket of this.#sockets) socket.terminate()
  }
}
