// All sessions: begun by Identify, kept for a while after their connection is lost, ended for good by a close with 1000
// or 1001, by time, or by a fault.

import { closeRule } from "../../discord/close-codes.ts"
import type { Clock } from "../../flow/clock.ts"
import type { Random } from "../corpus/random.ts"
import type { Ending } from "../websocket/peer.ts"
import { Session, type SessionConnection, type SessionPlan } from "./session.ts"

export type Resumption =
  | { readonly type: "resumed"; readonly session: Session; readonly missed: readonly Buffer[] }
  /** The session, or what was missed of it, is no longer there. */
  | { readonly type: "gone" }
  /** The client says it has seen what was never sent. */
  | { readonly type: "impossible" }

export interface SessionsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly lifetimeMs: number
}

/** Logs of ended sessions stay readable for this many of them. */
const MAX_ENDED = 1_000

export class Sessions {
  readonly #options: SessionsOptions
  readonly #live = new Map<string, Session>()
  readonly #expiries = new Map<string, () => void>()
  readonly #ended: Session[] = []

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  begin(plan: Omit<SessionPlan, "id">): Session {
    const session = new Session({ ...plan, id: this.#options.random.token(32) })
    this.#live.set(session.plan.id, session)
    return session
  }

  /** Looks for the session and for what the client missed. Attaching is the caller's. */
  resume(id: string, sequence: number): Resumption {
    const session = this.#live.get(id)
    if (session === undefined) return { type: "gone" }
    if (sequence > session.sequence()) return { type: "impossible" }
    const missed = session.since(sequence)
    if (missed === undefined) {
      this.end(session)
      return { type: "gone" }
    }
    this.#cancelExpiry(id)
    return { type: "resumed", session, missed }
  }

  /** The connection is gone; the session waits for a resume. */
  disconnected(session: Session, connection: SessionConnection): void {
    if (session.connection() !== connection) return
    session.detach(connection)
    const { id } = session.plan
    if (!this.#live.has(id)) return
    this.#cancelExpiry(id)
    this.#expiries.set(
      id,
      this.#options.clock.after(this.#options.lifetimeMs, () => this.end(session)),
    )
  }

  /** Ends the session for good. */
  end(session: Session): void {
    const { id } = session.plan
    this.#cancelExpiry(id)
    if (!this.#live.delete(id)) return
    this.#ended.push(session)
    if (this.#ended.length > MAX_ENDED) this.#ended.shift()
  }

  /** Those that can be resumed or are connected. */
  live(shard?: number): readonly Session[] {
    const all = [...this.#live.values()]
    return shard === undefined ? all : all.filter((session) => session.plan.shard === shard)
  }

  /** Live and ended ones, oldest first. */
  all(): readonly Session[] {
    return [...this.#ended, ...this.#live.values()]
  }

  /** Cancels what is scheduled. */
  close(): void {
    for (const id of [...this.#expiries.keys()]) this.#cancelExpiry(id)
  }

  #cancelExpiry(id: string): void {
    this.#expiries.get(id)?.()
    this.#expiries.delete(id)
  }
}

/** A client ends its session with 1000 or 1001; Discord ends it with the codes after which no resume is due. */
export function endsSession({ by, code }: Pick<Ending, "by" | "code">): boolean {
  if (code === null) return false
  return by === "client" ? code === 1000 || code === 1001 : closeRule(code).action !== "resume"
}
