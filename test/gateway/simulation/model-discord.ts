// Discord as the protocol's rules describe it, on a fake clock, for random fault schedules. It keeps every session's
// events, judges what clients do, and misbehaves when told to. Long because a connection's life is one subject.

import type { Dial, SocketEvents } from "../../../src/gateway/socket.ts"
import type { FakeClock } from "../../fixtures/fake-clock.ts"
import type { Random } from "./random.ts"

const HEARTBEAT_INTERVAL_MS = 41_250
const REPLAY_EVENTS = 400
const IDENTIFY_WINDOW_MS = 5_000

export const DEFAULT_URL = "wss://gateway.model/"
const RESUME_URL = "wss://resume.model/"

interface ModelSession {
  readonly id: string
  readonly shard: number
  sequence: number
  /** Whether READY reached the client: else it cannot know of this session. */
  known: boolean
  /** Cleared when Discord ends it: it cannot be resumed. */
  alive: boolean
  /** Set when the client was told, or had reason to know, that this session is over. */
  over: boolean
  /** Resumes in a row that brought the client nothing. After three it may identify. */
  barrenResumes: number
  /** The sequences of events that the client publishes. */
  readonly wanted: Set<number>
  /** The sequences of events that it drops. */
  readonly dropped: Set<number>
}

interface ModelConnection {
  readonly events: SocketEvents
  readonly incarnation: number
  open: boolean
  /** The server neither reads nor writes, and never completes a close. */
  silent: boolean
  acks: boolean
  greeted: boolean
  session: ModelSession | null
}

export class ModelDiscord {
  readonly violations: string[] = []
  readonly sessions = new Map<string, ModelSession>()
  readonly latest = new Map<number, ModelSession>()
  identifies = 0
  resumes = 0
  /** Which gateway process dials, counted by the schedule. */
  incarnation = 0
  resumeHostDead = false
  unreachable = false
  #connections: ModelConnection[] = []
  #lastIdentify: { readonly atMs: number; readonly incarnation: number } | null = null
  #nextSession = 1
  /** The next connections misbehave in these ways, one each. */
  readonly #greetings: ("op7" | "late" | "never" | "silent-dial")[] = []
  #barren = 0
  readonly #clock: FakeClock
  readonly #random: Random

  constructor(clock: FakeClock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  readonly dial: Dial = (url, events) => {
    const { incarnation } = this
    const connection: ModelConnection = {
      events,
      incarnation,
      open: true,
      silent: false,
      acks: true,
      greeted: false,
      session: null,
    }
    this.#connections.push(connection)
    this.#checkQuery(url)
    const host = new URL(url).host
    const greeting = this.#greetings.shift()
    this.#later(() => {
      if (this.unreachable || (host === "resume.model" && this.resumeHostDead)) this.#drop(connection, 1006)
      else if (greeting !== "silent-dial") this.#greet(connection, greeting)
    })
    return {
      send: (text) => this.#later(() => this.#onPacket(connection, JSON.parse(text) as { op: number; d: unknown })),
      close: (code) => this.#onClose(connection, code),
      terminate: () => {
        connection.open = false
      },
    }
  }

  /** One event for a shard's session, whether it is connected or not. */
  dispatch(shard: number, wanted: boolean): void {
    const session = this.latest.get(shard)
    if (session === undefined || !session.alive) return
    session.sequence += 1
    const events = wanted ? session.wanted : session.dropped
    events.add(session.sequence)
    const connection = this.#connectionOf(session)
    if (connection !== undefined) this.#sendEvent(connection, session, session.sequence)
  }

  /** The ways in which a live connection may fail. */
  fault(kind: FaultKind): void {
    const open = this.#connections.filter((connection) => connection.open)
    const connection = open.length === 0 ? undefined : this.#random.pick(open)
    switch (kind) {
      case "op7-first":
        return void this.#greetings.push("op7")
      case "hello-late":
        return void this.#greetings.push("late")
      case "hello-never":
        return void this.#greetings.push("never")
      case "dial-silent":
        return void this.#greetings.push("silent-dial")
      case "barren-resume":
        this.#barren += this.#random.int(4)
        return
      default:
        if (connection !== undefined) this.#faultOn(connection, kind)
    }
  }

  /** No more faults; what was scripted for later connections is forgotten. */
  behave(): void {
    this.#greetings.length = 0
    this.#barren = 0
    this.resumeHostDead = false
    this.unreachable = false
  }

  /** A gateway process died: its sockets are gone. */
  crash(): void {
    for (const connection of this.#connections) connection.open = false
    this.#connections = []
    this.incarnation += 1
  }

  #faultOn(connection: ModelConnection, kind: FaultKind): void {
    switch (kind) {
      case "op7":
        return this.#send(connection, { op: 7, d: null, s: null, t: null })
      case "op7-close":
        this.#send(connection, { op: 7, d: null, s: null, t: null })
        return this.#drop(connection, 4000)
      case "op9-true":
        return this.#send(connection, { op: 9, d: true, s: null, t: null })
      case "op9-false":
        return this.#invalidate(connection)
      case "op1":
        if (!connection.greeted) return
        return this.#send(connection, { op: 1, d: null, s: null, t: null })
      case "close":
        return this.#drop(connection, this.#random.pick([4000, 4001, 4002, 4003, 4005, 4008, 1000, 1001, 1006, 1011]))
      case "close-new-session":
        return this.#endSession(connection, this.#random.pick([4007, 4009]))
      case "half-open":
        connection.silent = true
        return
      case "no-acks":
        connection.acks = false
        return
      case "garbage":
        return this.#raw(connection, "garbage")
    }
  }

  #greet(connection: ModelConnection, greeting: string | undefined): void {
    if (!connection.open) return
    connection.events.opened()
    if (greeting === "never") return
    if (greeting === "op7") return this.#send(connection, { op: 7, d: null, s: null, t: null })
    const hello = () => {
      connection.greeted = true
      this.#send(connection, { op: 10, d: { heartbeat_interval: HEARTBEAT_INTERVAL_MS }, s: null, t: null })
    }
    if (greeting === "late") this.#clock.after(this.#random.between(1_000, 30_000), hello)
    else hello()
  }

  #checkQuery(url: string): void {
    const { searchParams } = new URL(url)
    if (searchParams.get("v") !== "10" || searchParams.get("encoding") !== "json") this.#violation(`dialled ${url}`)
  }

  #onPacket(connection: ModelConnection, { op, d }: { readonly op: number; readonly d: unknown }): void {
    if (!connection.open || connection.silent) return
    if (!connection.greeted) this.#violation(`op ${op} before Hello`)
    switch (op) {
      case 1:
        if (connection.acks) this.#send(connection, { op: 11, d: null, s: null, t: null })
        return
      case 2:
        return this.#onIdentify(connection, d as { shard: [number, number] })
      case 6:
        return this.#onResume(connection, d as { session_id: string; seq: number })
      default:
        if (connection.session === null) this.#violation(`op ${op} before a session`)
    }
  }

  #onIdentify(connection: ModelConnection, { shard: [shard] }: { readonly shard: [number, number] }): void {
    this.identifies += 1
    if (connection.session !== null) this.#violation("identified twice on one connection")
    const last = this.#lastIdentify
    const nowMs = this.#clock.nowMs()
    const tooSoon = last !== null && nowMs - last.atMs < IDENTIFY_WINDOW_MS
    if (tooSoon && last.incarnation === connection.incarnation) this.#violation("identified within 5 s of another")
    this.#lastIdentify = { atMs: nowMs, incarnation: connection.incarnation }
    if (tooSoon) return this.#send(connection, { op: 9, d: false, s: null, t: null })
    const previous = this.latest.get(shard)
    if (previous?.known === true && !previous.over && previous.barrenResumes < 3)
      this.#violation(`shard ${shard} identified where a resume was due`)
    if (previous !== undefined) {
      previous.alive = false
      previous.over = true
    }
    const session = {
      id: `s${this.#nextSession}`,
      shard,
      sequence: 1,
      known: false,
      alive: true,
      over: false,
      barrenResumes: 0,
      wanted: new Set<number>(),
      dropped: new Set<number>(),
    }
    this.#nextSession += 1
    this.sessions.set(session.id, session)
    this.latest.set(shard, session)
    connection.session = session
    this.#send(connection, { op: 0, t: "READY", s: 1, d: { session_id: session.id, resume_gateway_url: RESUME_URL } })
    this.#later(() => {
      session.known = connection.open
    })
  }

  #onResume(
    connection: ModelConnection,
    { session_id: id, seq }: { readonly session_id: string; readonly seq: number },
  ): void {
    this.resumes += 1
    const session = this.sessions.get(id)
    if (session === undefined) return this.#violation(`resumed an unknown session ${id}`)
    if (seq > session.sequence) this.#violation(`resumed at ${seq}, and only ${session.sequence} were sent`)
    for (const other of this.#connections) {
      if (other !== connection && other.session === session && other.open && other.incarnation === this.incarnation) {
        // The server may not have noticed yet that the client has left; a client that has not left is wrong.
        other.session = null
      }
    }
    session.barrenResumes += 1
    if (this.#barren > 0) {
      this.#barren -= 1
      return this.#drop(connection, 4000)
    }
    const gone = !session.alive || session.sequence - seq > REPLAY_EVENTS
    if (gone) {
      session.alive = false
      session.over = true
      return this.#send(connection, { op: 9, d: false, s: null, t: null })
    }
    connection.session = session
    for (let sequence = seq + 1; sequence <= session.sequence; sequence += 1) {
      if (session.wanted.has(sequence) || session.dropped.has(sequence)) this.#sendEvent(connection, session, sequence)
    }
    session.sequence += 1
    this.#send(connection, { op: 0, t: "RESUMED", s: session.sequence, d: {} })
    this.#noteProgress(connection, session)
  }

  #sendEvent(connection: ModelConnection, session: ModelSession, sequence: number): void {
    this.#send(connection, { op: 0, t: session.wanted.has(sequence) ? "EVENT" : "DROPPED", s: sequence, d: {} })
    this.#noteProgress(connection, session)
  }

  #noteProgress(connection: ModelConnection, session: ModelSession): void {
    this.#later(() => {
      if (connection.open && !connection.silent) session.barrenResumes = 0
    })
  }

  #invalidate(connection: ModelConnection): void {
    if (!this.#end(connection.session)) return
    this.#send(connection, { op: 9, d: false, s: null, t: null })
  }

  #endSession(connection: ModelConnection, code: number): void {
    if (this.#end(connection.session)) this.#drop(connection, code)
  }

  #end(session: ModelSession | null): boolean {
    if (session === null) return false
    session.alive = false
    session.over = true
    return true
  }

  #onClose(connection: ModelConnection, code: number): void {
    if (code === 1000 || code === 1001) this.#violation(`closed with ${code}, which ends the session`)
    if (!connection.open || connection.silent) return
    connection.open = false
    const closed = () => connection.events.closed(code, "")
    // Bun may report the close inside close().
    if (this.#random.chance(0.3)) closed()
    else this.#later(closed)
  }

  #drop(connection: ModelConnection, code: number): void {
    if (!connection.open || connection.silent) return
    // What was sent before arrives before.
    this.#later(() => {
      if (!connection.open) return
      connection.open = false
      connection.events.closed(code, "")
    })
  }

  #send(connection: ModelConnection, packet: object): void {
    this.#raw(connection, JSON.stringify(packet))
  }

  #raw(connection: ModelConnection, text: string): void {
    if (!connection.open || connection.silent) return
    // A sent frame may arrive after the client has closed: a stale event, which must change nothing.
    this.#later(() => connection.events.frame(new TextEncoder().encode(text)))
  }

  #connectionOf(session: ModelSession): ModelConnection | undefined {
    return this.#connections.find(
      (connection) => connection.session === session && connection.open && !connection.silent,
    )
  }

  /** One network delay, the same for all, so that a connection's packets keep their order. */
  #later(run: () => void): void {
    this.#clock.after(NETWORK_DELAY_MS, run)
  }

  #violation(text: string): void {
    this.violations.push(`${Math.round(this.#clock.nowMs())} ms: ${text}`)
  }
}

const NETWORK_DELAY_MS = 15

export const FAULTS = [
  "op7-first",
  "hello-late",
  "hello-never",
  "dial-silent",
  "barren-resume",
  "op7",
  "op7-close",
  "op9-true",
  "op9-false",
  "op1",
  "close",
  "close-new-session",
  "half-open",
  "no-acks",
  "garbage",
] as const

export type FaultKind = (typeof FAULTS)[number]
