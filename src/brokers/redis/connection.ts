// One pipelined connection: whole commands go out, replies are counted. It logs in and chooses the database by itself, and
// ends at the first thing that is wrong; what to do then is for its owner (server.ts).
//
// Written for publishing alone, where it costs a fifth of a general client (BENCHMARKS.md); all else goes through ioredis.

import type { Socket } from "bun"
import type { RedisAddress } from "./address.ts"
import { command } from "./commands.ts"
import { ReplyParser, ReplyProtocolError } from "./replies.ts"
import { permitCommands } from "./write-guard.ts"

export interface ConnectionEvents {
  /** Logged in: commands may be written. */
  readonly ready: () => void
  /** The next command's reply is whole; `integer` is what it is, where it is one. */
  readonly reply: (integer: number | null) => void
  /** An error, before its `reply`; `element` is its position in the array that EXEC returns, or -1. */
  readonly error: (text: string, element: number) => void
  /** The server refuses the login. `closed` follows. */
  readonly refused: (text: string) => void
  /** Nothing comes after this. */
  readonly closed: (reason: string) => void
}

/** Opens connections: real ones, or a test's. No event comes before it returns. */
export type Connect = (address: RedisAddress, events: ConnectionEvents) => RedisConnection

export interface RedisConnection {
  /** Writes whole commands. The bytes must stay as they are until the last of their replies. */
  write(bytes: Uint8Array): void
  /** Drops the connection. `closed` comes, unless it came before. */
  close(reason: string): void
}

const KEEP_ALIVE_MS = 30_000

export const connectToRedis: Connect = (address, events) => new TcpConnection(address, events)

class TcpConnection implements RedisConnection {
  readonly #events: ConnectionEvents
  readonly #parser: ReplyParser
  /** Replies of the login that are still to come. */
  #loginReplies: number
  #socket: Socket<undefined> | null = null
  /** What the socket has not taken yet, oldest first: at most what `write` was given. */
  readonly #unsent: Uint8Array[] = []
  #closed = false

  constructor(address: RedisAddress, events: ConnectionEvents) {
    this.#events = events
    this.#parser = new ReplyParser({
      reply: (integer) => this.#onReply(integer),
      error: (text, at) => this.#onError(text, at),
    })
    const login = loginCommands(address)
    this.#loginReplies = login.length
    this.#dial(address, Buffer.concat(login)).catch((error: unknown) => {
      this.close(error instanceof Error ? error.message : String(error))
    })
  }

  write(bytes: Uint8Array): void {
    this.#unsent.push(bytes)
    if (this.#unsent.length === 1) this.#flush()
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#unsent.length = 0
    this.#socket?.terminate()
    this.#events.closed(reason)
  }

  async #dial({ hostname, port, tls, ca }: RedisAddress, login: Uint8Array): Promise<void> {
    const opened = (socket: Socket<undefined>) => {
      if (this.#closed) {
        socket.terminate()
        return
      }
      this.#socket = socket
      socket.setNoDelay(true)
      socket.setKeepAlive(true, KEEP_ALIVE_MS)
      this.write(login)
    }
    await Bun.connect<undefined>({
      hostname,
      port,
      tls: tls ? { serverName: hostname, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) } : false,
      socket: {
        open: (socket) => {
          if (!tls) opened(socket)
        },
        handshake: (socket, success, error) => {
          if (success) opened(socket)
          else this.close(`the server's certificate is not trusted${error === null ? "" : ` (${error.message})`}`)
        },
        data: (_socket, bytes) => this.#onData(bytes),
        drain: () => this.#flush(),
        end: () => this.close("the server closed the connection"),
        close: (_socket, error) => this.close(error?.message ?? "the server closed the connection"),
        error: (_socket, error) => this.close(error.message),
      },
    })
  }

  #flush(): void {
    const socket = this.#socket
    if (socket === null) return
    for (let first = this.#unsent[0]; first !== undefined; first = this.#unsent[0]) {
      const written = socket.write(first)
      if (written < 0) return
      if (written < first.length) {
        this.#unsent[0] = first.subarray(written)
        return
      }
      this.#unsent.shift()
    }
  }

  #onData(bytes: Uint8Array): void {
    if (this.#closed) return
    try {
      this.#parser.push(bytes)
    } catch (error) {
      if (!(error instanceof ReplyProtocolError)) throw error
      this.close(`what it answers is not Redis' protocol: ${error.message}`)
    }
  }

  #onReply(integer: number | null): void {
    if (this.#closed) return
    if (this.#loginReplies === 0) return this.#events.reply(integer)
    this.#loginReplies -= 1
    if (this.#loginReplies === 0) this.#events.ready()
  }

  #onError(text: string, element: number): void {
    if (this.#closed) return
    if (this.#loginReplies === 0) return this.#events.error(text, element)
    this.#events.refused(text)
    this.close(text)
  }
}

/** Ends with ECHO, so that there is a reply to wait for, also from a server that is still loading its data. */
function loginCommands({ username, password, database, connectionName, permit }: RedisAddress): Uint8Array[] {
  const commands: Uint8Array[] = []
  if (password !== "") {
    commands.push(username === "" ? command("AUTH", password) : command("AUTH", username, password))
  }
  if (database !== 0) commands.push(command("SELECT", String(database)))
  if (connectionName !== undefined) commands.push(command("CLIENT", "SETNAME", connectionName))
  if (permit !== undefined) commands.push(...permitCommands(permit))
  commands.push(command("ECHO", "spectacles"))
  return commands
}
