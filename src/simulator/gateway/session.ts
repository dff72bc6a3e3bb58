// One session: a shard's numbered dispatches, kept for a while so that a client that was cut off can have them again.

import { Opcode } from "../../discord/opcodes.ts"
import { DispatchLog } from "./dispatch-log.ts"
import { type AnyDispatch, filterByIntents } from "./intent-filter.ts"
import { ReplayWindow } from "./replay-window.ts"

/** The connection that a session is attached to. */
export interface SessionConnection {
  /** Sends a payload's JSON. */
  send(json: Buffer): void
  /** Bytes that the client has not taken yet. */
  queuedBytes(): number
  close(code: number, reason: string): void
}

export interface SessionPlan {
  readonly id: string
  readonly shard: number
  readonly shardCount: number
  readonly intents: number
  readonly largeThreshold: number
  readonly botId: string
  readonly replayEvents: number
  readonly logEvents: number
}

export class Session {
  readonly plan: SessionPlan
  readonly log: DispatchLog
  readonly #replay: ReplayWindow
  #connection: SessionConnection | undefined
  #sequence = 0
  #ready = false

  constructor(plan: SessionPlan) {
    this.plan = plan
    this.log = new DispatchLog(plan.logEvents)
    this.#replay = new ReplayWindow(plan.replayEvents)
  }

  sequence(): number {
    return this.#sequence
  }

  connection(): SessionConnection | undefined {
    return this.#connection
  }

  /** True once READY and every GUILD_CREATE were dispatched: traffic may flow. */
  isReady(): boolean {
    return this.#ready
  }

  markReady(): void {
    this.#ready = true
  }

  attach(connection: SessionConnection): void {
    this.#connection = connection
  }

  /** Forgets the connection, unless another one has taken its place. */
  detach(connection: SessionConnection): void {
    if (this.#connection === connection) this.#connection = undefined
  }

  /**
   * Numbers the event, keeps it for a resume and sends it, if the session's intents cover it.
   * @param number by which the log knows it, whichever session
   */
  dispatch(event: AnyDispatch, number?: number): boolean {
    const seen = filterByIntents(event, this.plan.intents, this.plan.botId)
    if (seen === undefined) return false
    const json = this.number(seen.t, JSON.stringify(seen.d), number)
    this.#connection?.send(json)
    return true
  }

  /** As `dispatch`, without filter and without sending: the payload is the caller's to send. */
  number(t: string, d: string, event?: number): Buffer {
    this.#sequence += 1
    const json = Buffer.from(`{"t":${JSON.stringify(t)},"s":${this.#sequence},"op":${Opcode.Dispatch},"d":${d}}`)
    this.#replay.add(this.#sequence, json)
    this.log.add(t, event)
    return json
  }

  /** Everything after `sequence`, oldest first; undefined when it is no longer kept. */
  since(sequence: number): readonly Buffer[] | undefined {
    return this.#replay.since(sequence)
  }
}
