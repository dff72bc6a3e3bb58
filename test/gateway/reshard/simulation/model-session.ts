// Discord's side of one shard: a session that numbers its events, keeps them for a resume, and sometimes is lost or hangs.

import type { Dispatch } from "./event-decoder.ts"

export interface Connection {
  readonly receive: (dispatch: Dispatch) => void
  /** Nothing is replayed any more. */
  readonly live: () => void
  readonly down: () => void
}

interface Session {
  readonly id: string
  readonly log: Dispatch[]
}

export class ModelSession {
  readonly #name: string
  #sessions = 0
  #session: Session | null = null
  #connection: Connection | null = null
  /** What hangs in the connection: events, and answers to heartbeats. */
  #hanging: (() => void)[] | null = null

  constructor(name: string) {
    this.#name = name
  }

  /** @returns the event's id; null where there is no session */
  dispatch(t: string, d: unknown): string | null {
    const session = this.#session
    if (session === null) return null
    const dispatch = { t, s: session.log.length + 1, d }
    session.log.push(dispatch)
    const connection = this.#connection
    if (connection !== null) this.#pass(() => connection === this.#connection && connection.receive(dispatch))
    return `${session.id}:${dispatch.s}`
  }

  /** @returns whether the session could be resumed */
  resume(sessionId: string, sequence: number, connection: Connection): boolean {
    this.disconnect()
    if (this.#session?.id !== sessionId) return false
    this.#connection = connection
    for (const dispatch of this.#session.log.slice(sequence)) connection.receive(dispatch)
    connection.live()
    return true
  }

  /** @returns the new session's id */
  identify(connection: Connection): string {
    this.disconnect()
    this.#sessions += 1
    this.#session = { id: `${this.#name}${"'".repeat(this.#sessions)}`, log: [] }
    this.#connection = connection
    return this.#session.id
  }

  /** Resolves to true once everything is here that was sent before; to false when the connection ends first. */
  answer(): Promise<boolean> {
    const connection = this.#connection
    if (connection === null) return Promise.resolve(false)
    return new Promise((resolve) => this.#pass(() => resolve(connection === this.#connection)))
  }

  disconnect(): void {
    const connection = this.#connection
    this.#connection = null
    this.hangNoMore()
    connection?.down()
  }

  /** The session is gone: it cannot be resumed. */
  lose(): void {
    this.#session = null
    this.disconnect()
  }

  hang(): void {
    if (this.#connection !== null) this.#hanging ??= []
  }

  hangNoMore(): void {
    const hanging = this.#hanging ?? []
    this.#hanging = null
    for (const run of hanging) run()
  }

  #pass(run: () => void): void {
    if (this.#hanging === null) run()
    else this.#hanging.push(run)
  }
}
