// One shard: carries out what the protocol decides. Owns one socket at a time, its decoder and its timers. Dispatches go
// from the decoder to delivery and never touch the protocol.

import type { ControlPacket } from "../codec/decoder.ts"
import { gatewayUrl } from "../discord/gateway-url.ts"
import { Opcode } from "../discord/opcodes.ts"
import { Timers } from "../flow/timers.ts"
import { Connection } from "./connection.ts"
import { readGuildIds } from "./protocol/payloads.ts"
import type { DownKind, Effect, Input, ShardState, TimerName } from "./protocol/state.ts"
import { newShard } from "./protocol/state.ts"
import { step } from "./protocol/step.ts"
import { Pulse } from "./pulse.ts"
import { SendQueue, type SendResult } from "./sends/queue.ts"
import type { SendablePacket } from "./sends/rules.ts"
import type { Session } from "./sessions/session.ts"
import type { ShardOptions, ShardStatus } from "./shard-options.ts"

export class Shard {
  readonly #options: ShardOptions
  readonly #sends: SendQueue
  readonly #timers: Timers<TimerName>
  readonly #pulse: Pulse
  /** Inputs that came while another was carried out. Bounded by what one input's effects can cause. */
  readonly #inputs: Input[] = []
  #state: ShardState
  #connection: Connection | null = null
  #stepping = false
  #alive = false
  #lastDown: ShardStatus["lastDown"] = null
  #sessionStartedMs: number | null = null
  #turn: AbortController | null = null
  #closing: Promise<void> = Promise.resolve()

  /** @param session what a store kept of an earlier run, to be resumed */
  constructor(options: ShardOptions, session: Session | null) {
    this.#options = options
    const resumable = session === null ? null : { ...session, id: session.sessionId }
    this.#state = newShard(options.gatewayUrl, resumable)
    this.#timers = new Timers(options.clock, (timer) => this.#input({ type: "timer", timer }))
    this.#pulse = new Pulse(options.clock)
    this.#sends = new SendQueue({ clock: options.clock, write: (op, json) => this.#write(op, json) })
    if (session === null) return
    options.decoder.resume(session.sessionId, session.sequence)
    this.#sessionStartedMs = session.startedMs ?? null
    const { sessionId: id, resumeUrl } = session
    options.delivery.begin({ id, resumeUrl, startedMs: this.#sessionStartedMs }, session.sequence)
  }

  get id(): number {
    return this.#options.id
  }

  get status(): ShardStatus {
    const { id, decoder, delivery } = this.#options
    return {
      id,
      phase: this.#state.phase,
      sessionId: this.#state.session?.id ?? null,
      sessionStartedMs: this.#state.session === null ? null : this.#sessionStartedMs,
      sequence: decoder.lastSequence(),
      latencyMs: this.#pulse.latencyMs,
      queuedSends: this.#sends.length,
      windowEvents: delivery.windowEvents,
      windowBytes: delivery.windowBytes,
      lastDown: this.#lastDown,
    }
  }

  start(): void {
    this.#input({ type: "start" })
  }

  send(packet: SendablePacket): Promise<SendResult> {
    return this.#sends.send(packet)
  }

  /** The broker cannot keep up. */
  hold(): void {
    this.#input({ type: "hold" })
  }

  release(): void {
    this.#input({ type: "release" })
  }

  /** Closes the connection so that the session stays, and resumes on another. */
  restart(): void {
    this.#input({ type: "restart" })
  }

  /**
   * Has Discord answer a heartbeat: what it sent before is here then.
   * @returns when the heartbeat was sent, by the clock; null where the shard is not live, or its connection ends first
   */
  probe(): Promise<number | null> {
    if (this.#state.phase !== "live") return Promise.resolve(null)
    const answer = this.#pulse.answer()
    if (!this.#pulse.isUnderWay) this.#beat()
    return answer
  }

  /** Stops reading and closes so that the session stays. Resolves when the socket is gone. */
  async stop(): Promise<void> {
    this.#input({ type: "stop" })
    await this.#closing
  }

  #input(input: Input): void {
    this.#inputs.push(input)
    // An effect may cause an input at once: Bun may fire `onclose` inside `close()`.
    if (this.#stepping) return
    this.#stepping = true
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next)
    this.#stepping = false
  }

  #step(input: Input): void {
    const { decoder, random, on, delivery, clock } = this.#options
    const before = this.#state
    const { state, effects } = step(before, input, { sequence: decoder.lastSequence(), alive: this.#alive, random })
    this.#state = state
    if (state.session !== null && state.session.id !== before.session?.id) {
      this.#sessionStartedMs = clock.wallMs()
      delivery.begin({ ...state.session, startedMs: this.#sessionStartedMs }, 0)
    }
    for (const effect of effects) this.#carryOut(effect)
    if (state.resumeFailures > before.resumeFailures) on.resumeFailed(state.resumeFailures)
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case "connect":
        return this.#connect(effect.baseUrl, effect.resume)
      case "close":
        return this.#close(effect.code)
      case "timer":
        return this.#timers.start(effect.timer, effect.delayMs)
      case "cancel":
        return this.#timers.cancel(effect.timer)
      case "heartbeat":
        return this.#heartbeat()
      case "acknowledged":
        return this.#acknowledged()
      case "hello":
        return this.#sends.opened(effect.heartbeatIntervalMs)
      case "request-turn":
        return this.#requestTurn()
      case "leave-queue":
        this.#turn?.abort(new Error("the connection was lost"))
        return
      case "identify":
        return this.#identify()
      case "resume":
        return this.#resume(effect.sessionId)
      case "live":
        return this.#onLive(effect.resumed)
      case "down":
        return this.#onDown(effect.kind, effect.reason, effect.retryMs)
      case "gap":
        return this.#onGap(effect.sessionId, effect.lastSequence)
      case "stopped":
        return this.#onStopped(effect.remedy)
    }
  }

  #connect(baseUrl: string, resume: boolean): void {
    const { decoder, dial, query, clock, delivery, log } = this.#options
    decoder.reset()
    if (!resume) decoder.resume("", 0)
    const url = gatewayUrl(baseUrl, query)
    log.debug({ url, resume }, "connecting")
    this.#connection = new Connection({
      url,
      dial,
      decoder,
      clock,
      on: {
        opened: () => this.#input({ type: "open" }),
        control: (packet) => this.#onControl(packet),
        frame: (frameBytes) => {
          this.#alive = true
          delivery.received(frameBytes)
        },
        corrupt: (kind, message) => this.#onCorrupt(kind, message),
        closed: (code) => this.#input({ type: "closed", code }),
      },
    })
  }

  #onControl(packet: ControlPacket): void {
    this.#options.on.received(packet.op)
    this.#input({ type: "packet", packet })
    if (packet.t === "READY") this.#options.on.ready(readGuildIds(packet.d))
  }

  #onCorrupt(kind: string, message: string): void {
    this.#options.on.decodeFailed(kind)
    this.#input({ type: "corrupt", reason: `a frame could not be decoded: ${message}` })
  }

  #close(code: number): void {
    const connection = this.#connection
    this.#connection = null
    this.#sends.down()
    this.#pulse.lost()
    this.#options.delivery.flushAll()
    if (connection !== null) this.#closing = connection.close(code)
  }

  #requestTurn(): void {
    const { identify, slot, isBeside } = this.#options
    const turn = new AbortController()
    this.#turn = turn
    identify.turn(this.id, turn.signal, { slot, isBeside: isBeside() }).then(
      () => {
        if (!turn.signal.aborted) this.#input({ type: "turn" })
      },
      () => {},
    )
  }

  #heartbeat(): void {
    this.#alive = false
    this.#beat()
  }

  #beat(): void {
    const sequence = this.#options.decoder.lastSequence()
    this.#pulse.sent()
    this.#urgent(Opcode.Heartbeat, sequence === 0 ? null : sequence)
  }

  #acknowledged(): void {
    const latencyMs = this.#pulse.answered()
    if (latencyMs !== null) this.#options.on.pinged(latencyMs)
  }

  #identify(): void {
    const { id, count, identity, log } = this.#options
    log.info({}, "identifying")
    this.#urgent(Opcode.Identify, {
      token: identity.token(),
      intents: identity.intents,
      properties: { os: process.platform, browser: "spectacles", device: "spectacles" },
      compress: false,
      shard: [id, count],
      ...(identity.presence === undefined ? {} : { presence: identity.presence }),
    })
  }

  #resume(sessionId: string): void {
    const { identity, decoder, log } = this.#options
    const sequence = decoder.lastSequence()
    log.info({ session: sessionId, sequence }, "resuming")
    this.#urgent(Opcode.Resume, { token: identity.token(), session_id: sessionId, seq: sequence })
  }

  #urgent(op: number, d: unknown): void {
    this.#sends.urgent(op, JSON.stringify({ op, d }))
  }

  #write(op: number, json: string): void {
    this.#connection?.send(json)
    this.#options.on.sent(op)
  }

  #onLive(resumed: boolean): void {
    const { log, on } = this.#options
    log.info({ session: this.#state.session?.id }, resumed ? "resumed" : "ready with a new session")
    this.#sends.live()
    on.live(resumed)
  }

  #onDown(kind: DownKind, reason: string, retryMs: number | null): void {
    const { log, on, clock } = this.#options
    this.#lastDown = { reason, atMs: clock.wallMs() }
    const again = retryMs === null ? "when the broker has caught up" : `in ${Math.round(retryMs)} ms`
    log.warn({ session: this.#state.session?.id, reason }, `disconnected, connecting again ${again}`)
    on.down(kind)
  }

  #onGap(sessionId: string, lastSequence: number): void {
    const { log, delivery } = this.#options
    log.error({ session: sessionId, sequence: lastSequence }, "the session is gone: later events of it are lost")
    delivery.announceGap(sessionId, lastSequence)
  }

  #onStopped(remedy: string | null): void {
    if (remedy === null) this.#options.log.info({ session: this.#state.session?.id }, "stopped")
    this.#sends.stop()
    this.#turn?.abort(new Error("the shard was stopped"))
    this.#options.on.stopped(remedy)
  }
}
