// One connection to the simulated gateway: Hello, Identify or Resume, heartbeats, commands, and the close code for every
// rule that a client breaks. At each step a fault may take the place of the answer.
// Source: Discord's documentation, Gateway › Connections; Opcodes and Status Codes.

import { Opcode } from "../../discord/opcodes.ts"
import type { Incident, Moment } from "../faults/fault.ts"
import type { UpgradeRequest } from "../websocket/handshake.ts"
import { type Ending, type Link, Peer } from "../websocket/peer.ts"
import { type Identify, type Resume, readIdentify, readResume } from "./identify.ts"
import { Outbox } from "./outbox.ts"
import { type Packet, payload, readPacket } from "./payload.ts"
import { readyPayload } from "./ready.ts"
import { SendLimits } from "./send-limits.ts"
import type { GatewayServices } from "./services.ts"
import type { Session, SessionConnection } from "./session.ts"
import { endsSession } from "./sessions.ts"
import { compressionOf, type Layout, Wire } from "./wire.ts"

const VERSIONS = ["9", "10"]
const KNOWN_OPCODES: readonly number[] = Object.values(Opcode)

export class GatewayConnection implements SessionConnection {
  readonly id: number
  readonly outbox: Outbox
  readonly #services: GatewayServices
  readonly #request: UpgradeRequest
  readonly #peer: Peer
  readonly #limits = new SendLimits()
  readonly #whenEnded: () => void
  #session: Session | undefined
  #heldAcks: number | undefined

  constructor(id: number, link: Link, request: UpgradeRequest, services: GatewayServices, whenEnded: () => void) {
    this.id = id
    this.#services = services
    this.#request = request
    this.#whenEnded = whenEnded
    this.#peer = new Peer(link, services.settings.clock, {
      message: (bytes) => this.#message(bytes),
      tooLarge: () => this.#peer.close(4002, "Payload too large."),
      ended: (ending) => this.#ended(ending),
      drained: () => this.outbox.settle(),
    })
    const compression = compressionOf(request.query)
    const wire = new Wire({
      compression,
      encoder: services.codec.encoder(compression),
      layout: () => this.#layout(),
      send: (frames) => this.#peer.send(frames),
    })
    this.outbox = new Outbox(this.#peer, wire)
  }

  /** The WebSocket is open: greets the client. */
  open(): void {
    const { query, host } = this.#request
    this.#services.record.add({ kind: "connect", connection: this.id, query: query.toString(), host })
    if (!VERSIONS.includes(query.get("v") ?? "")) return this.#peer.close(4012, "Invalid API version.")
    this.#at("hello", () => {
      const { heartbeatIntervalMs } = this.#services.settings
      this.send(payload(Opcode.Hello, { heartbeat_interval: heartbeatIntervalMs, _trace: ['["gateway-simulator"]'] }))
    })
  }

  receive(bytes: Uint8Array): void {
    this.#peer.receive(bytes)
  }

  drain(): void {
    this.#peer.drain()
  }

  lost(): void {
    this.#peer.lost()
  }

  shard(): number | undefined {
    return this.#session?.plan.shard
  }

  session(): Session | undefined {
    return this.#session
  }

  queuedBytes(): number {
    return this.outbox.queuedBytes()
  }

  send(json: Buffer): void {
    this.outbox.send(json)
  }

  isOpen(): boolean {
    return this.#peer.isOpen()
  }

  close(code: number, reason: string): void {
    this.#peer.close(code, reason)
  }

  /** Heartbeats are counted but not acknowledged until `releaseAcks`. */
  holdAcks(): void {
    this.#heldAcks ??= 0
  }

  releaseAcks(): void {
    for (let held = this.#heldAcks ?? 0; held > 0; held--) this.#acknowledge()
    this.#heldAcks = undefined
  }

  /** Makes an incident happen at once. */
  suffer(incident: Incident): void {
    if (!this.#peer.isOpen()) return
    switch (incident.type) {
      case "reconnect":
        this.send(payload(Opcode.Reconnect, null))
        if (incident.closeCode !== undefined) this.#peer.close(incident.closeCode)
        return
      case "invalid-session":
        return this.#invalidate(incident.resumable)
      case "close":
        return this.#peer.close(incident.code, incident.reason)
      case "drop":
        return this.#peer.drop()
      case "half-open":
        return this.#peer.stall()
      case "request-heartbeat":
        return this.send(payload(Opcode.Heartbeat, null))
      case "silence":
      case "delay":
        return
    }
  }

  /** Does what is due, or what a fault does instead. Returns the fault's type. */
  #at(moment: Moment, due: () => void, shard = this.shard()): Incident["type"] | undefined {
    const incident = this.#services.faults.take(moment, shard)
    if (incident === undefined) due()
    else if (incident.type === "delay")
      this.#services.settings.clock.after(incident.delayMs, () => this.#peer.isOpen() && due())
    else this.suffer(incident)
    return incident?.type
  }

  #message(bytes: Buffer): void {
    const nowMs = this.#services.settings.clock.nowMs()
    if (!this.#limits.takePayload(nowMs)) return this.#peer.close(4008, "Rate limited.")
    const packet = readPacket(bytes)
    if (packet === undefined) return this.#peer.close(4002, "Error while decoding payload.")
    if (!KNOWN_OPCODES.includes(packet.op)) {
      this.#recordPacket(packet)
      return this.#peer.close(4001, "Unknown opcode.")
    }
    switch (packet.op) {
      case Opcode.Heartbeat:
        return this.#heartbeat(packet.d)
      case Opcode.Identify:
        return this.#session === undefined ? this.#identify(packet.d) : this.#peer.close(4005, "Already authenticated.")
      case Opcode.Resume:
        return this.#session === undefined ? this.#resume(packet.d) : this.#peer.close(4005, "Already authenticated.")
      default:
        return this.#command(packet, nowMs)
    }
  }

  #heartbeat(d: unknown): void {
    this.#services.record.add({ kind: "heartbeat", connection: this.id, shard: this.shard() ?? null, d })
    this.#at("heartbeat", () => {
      if (this.#heldAcks === undefined) this.#acknowledge()
      else this.#heldAcks += 1
    })
  }

  #acknowledge(): void {
    this.send(payload(Opcode.HeartbeatAck, null))
  }

  #identify(d: unknown): void {
    const { settings, credentials, budget, record } = this.#services
    const identify = readIdentify(d, {
      accepts: (token) => credentials.accepts(token),
      guilds: settings.guilds,
      shardMultiple: settings.shardMultiple,
      grantedIntents: settings.grantedIntents,
    })
    if ("code" in identify) return this.#peer.close(identify.code, identify.reason)
    const { shard, shardCount, intents, properties } = identify
    const verdict = budget.take(shard)
    const fault = verdict === "allowed" ? this.#at("identify", () => this.#beginSession(identify), shard) : undefined
    const outcome = fault ?? (verdict === "allowed" ? "ready" : verdict)
    record.add({ kind: "identify", connection: this.id, shard, shardCount, intents, properties, outcome })
    if (verdict === "exhausted") this.#services.resetToken()
    if (verdict === "too-soon") this.#invalidate(false)
  }

  #beginSession({ shard, shardCount, intents, largeThreshold }: Identify): void {
    const { settings, world, sessions, begin } = this.#services
    const ownGuilds = world.guildIdsOf(shard, shardCount).length
    const session = sessions.begin({
      shard,
      shardCount,
      intents,
      largeThreshold,
      botId: world.bot.id,
      replayEvents: settings.replayEvents ?? Math.max(100, Math.min(3_500, ownGuilds * 75)),
      logEvents: settings.logEvents,
    })
    this.#attach(session)
    session.dispatch({ t: "READY", d: readyPayload(session, world, this.#resumeUrl(shard)) })
    begin(session)
  }

  #resume(d: unknown): void {
    const { credentials, sessions, record } = this.#services
    const resume = readResume(d, (token) => credentials.accepts(token))
    if ("code" in resume) return this.#peer.close(resume.code, resume.reason)
    const shard = sessions.live().find((session) => session.plan.id === resume.sessionId)?.plan.shard
    let outcome = "delayed"
    const fault = this.#at(
      "resume",
      () => {
        outcome = this.#takeUp(resume)
      },
      shard,
    )
    const { sessionId: session, sequence } = resume
    outcome = fault ?? outcome
    record.add({ kind: "resume", connection: this.id, shard: shard ?? null, session, sequence, outcome })
  }

  #takeUp({ sessionId, sequence }: Resume): string {
    const resumption = this.#services.sessions.resume(sessionId, sequence)
    if (resumption.type === "gone") this.#invalidate(false)
    if (resumption.type === "impossible") this.#peer.close(4007, "Invalid seq.")
    if (resumption.type !== "resumed") return resumption.type
    const { session, missed } = resumption
    const former = session.connection()
    this.#attach(session)
    former?.close(4000, "The session was resumed elsewhere.")
    for (const json of missed) this.send(json)
    session.dispatch({ t: "RESUMED", d: { _trace: ['["gateway-simulator"]'] } })
    return resumption.type
  }

  #attach(session: Session): void {
    this.#session = session
    session.attach(this)
  }

  #command(packet: Packet, nowMs: number): void {
    this.#recordPacket(packet)
    const session = this.#session
    if (session === undefined) return this.#peer.close(4003, "Not authenticated.")
    if (packet.op === Opcode.PresenceUpdate && !this.#limits.takePresence(nowMs))
      return this.#peer.close(4008, "Rate limited.")
    const answer = this.#services.commands.answer(packet.op, packet.d, session.plan)
    if (answer.type === "undecodable") return this.#peer.close(4002, "Error while decoding payload.")
    if (answer.type === "unknown") return this.#peer.close(4001, "Unknown opcode.")
    for (const event of answer.dispatches) session.dispatch(event)
  }

  #recordPacket({ op, d }: Packet): void {
    this.#services.record.add({ kind: "packet", connection: this.id, shard: this.shard() ?? null, op, d })
  }

  /** Op 9. The connection stays, and may identify again. */
  #invalidate(resumable: boolean): void {
    const session = this.#session
    this.#session = undefined
    if (session !== undefined) this.#services.sessions.disconnected(session, this)
    if (session !== undefined && !resumable) this.#services.sessions.end(session)
    this.send(payload(Opcode.InvalidSession, resumable))
  }

  #ended({ by, code, reason }: Ending): void {
    const { record, sessions } = this.#services
    record.add({ kind: "close", connection: this.id, shard: this.shard() ?? null, by, code, reason })
    this.outbox.close()
    const session = this.#session
    if (session !== undefined) {
      sessions.disconnected(session, this)
      if (endsSession({ by, code })) sessions.end(session)
    }
    this.#whenEnded()
  }

  #layout(): Layout {
    const { faults } = this.#services
    const split = faults.condition("split-frames", this.shard())
    if (split !== undefined) return { ...split, type: "split" }
    return faults.condition("merge-frames", this.shard()) === undefined ? { type: "whole" } : { type: "merged" }
  }

  #resumeUrl(shard: number): string {
    const { faults, deadUrl } = this.#services
    return faults.condition("dead-resume-host", shard) === undefined ? `ws://${this.#request.host}` : deadUrl
  }
}
