// The gateway's port: TCP connections, their WebSocket handshake, and the connections that come of them.

import type { Socket, TCPSocketListener } from "bun"
import { claimPort } from "../claim-port.ts"
import { acceptResponse, readHandshake, refusal } from "../websocket/handshake.ts"
import type { Link } from "../websocket/peer.ts"
import { GatewayConnection } from "./connection.ts"
import type { GatewayServices } from "./services.ts"

/** What a socket is: shaking hands with the bytes so far, silent for good, or a gateway connection. */
type Dialogue =
  | { readonly type: "handshake"; readonly bytes: Buffer }
  | { readonly type: "silent" }
  | { readonly type: "open"; readonly connection: GatewayConnection }

interface SocketData {
  dialogue: Dialogue
}

type GatewaySocket = Socket<SocketData>

export class GatewayListener {
  readonly #services: GatewayServices
  readonly #hostname: string
  readonly #sockets = new Set<GatewaySocket>()
  readonly #connections = new Set<GatewayConnection>()
  #nextId = 1
  #listener: TCPSocketListener<SocketData> | undefined
  readonly port: number

  /** @throws OperatorError when the port cannot be had. */
  constructor(services: GatewayServices) {
    this.#services = services
    this.#hostname = services.settings.hostname
    const { hostname, gatewayPort } = services.settings
    this.#listener = claimPort(hostname, gatewayPort, () => this.#listen(gatewayPort))
    this.port = this.#listener.port
  }

  /** The connections that are open. */
  connections(shard?: number): readonly GatewayConnection[] {
    const all = [...this.#connections]
    return shard === undefined ? all : all.filter((connection) => connection.shard() === shard)
  }

  /** Refuses new connections, or takes them again on the same port. */
  refuse(refused: boolean): void {
    if (!refused) this.#listener ??= this.#listen(this.port)
    else {
      this.#listener?.stop(false)
      this.#listener = undefined
    }
  }

  /** Lets go of the port and cuts every connection. */
  close(): void {
    this.#listener?.stop(true)
    this.#listener = undefined
    for (const socket of this.#sockets) socket.terminate()
  }

  #listen(port: number): TCPSocketListener<SocketData> {
    return Bun.listen<SocketData>({
      hostname: this.#hostname,
      port,
      socket: {
        open: (socket) => this.#dialled(socket),
        data: (socket, bytes) => this.#received(socket, bytes),
        drain: (socket) => {
          if (socket.data.dialogue.type === "open") socket.data.dialogue.connection.drain()
        },
        close: (socket) => this.#lost(socket),
        error: (socket) => socket.terminate(),
      },
    })
  }

  #dialled(socket: GatewaySocket): void {
    this.#sockets.add(socket)
    socket.data = { dialogue: { type: "handshake", bytes: Buffer.alloc(0) } }
    const fault = this.#services.faults.take("dial")
    if (fault?.type === "silence") socket.data.dialogue = { type: "silent" }
    if (fault?.type === "drop") socket.terminate()
    if (fault?.type !== "delay") return
    socket.pause()
    this.#services.settings.clock.after(fault.delayMs, () => socket.resume())
  }

  #received(socket: GatewaySocket, bytes: Buffer): void {
    const { dialogue } = socket.data
    if (dialogue.type === "open") return dialogue.connection.receive(bytes)
    if (dialogue.type === "silent") return
    const head = Buffer.concat([dialogue.bytes, bytes])
    const handshake = readHandshake(head)
    if (handshake.type === "partial") socket.data.dialogue = { type: "handshake", bytes: head }
    else if (handshake.type === "refused") socket.end(handshake.response)
    else if (handshake.request.query.get("encoding") === "etf")
      socket.end(refusal("400 Bad Request", "The simulated gateway speaks JSON only: connect with encoding=json.\n"))
    else {
      socket.write(acceptResponse(handshake.request.key))
      const connection: GatewayConnection = new GatewayConnection(
        this.#nextId,
        linkOf(socket),
        handshake.request,
        this.#services,
        () => this.#connections.delete(connection),
      )
      this.#nextId += 1
      this.#connections.add(connection)
      socket.data.dialogue = { type: "open", connection }
      connection.open()
      if (handshake.rest.length > 0) connection.receive(handshake.rest)
    }
  }

  #lost(socket: GatewaySocket): void {
    this.#sockets.delete(socket)
    if (socket.data.dialogue.type === "open") socket.data.dialogue.connection.lost()
  }
}

function linkOf(socket: GatewaySocket): Link {
  return {
    write: (bytes) => socket.write(bytes),
    end: () => socket.end(),
    terminate: () => socket.terminate(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  }
}
