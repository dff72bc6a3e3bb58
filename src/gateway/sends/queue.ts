// What one shard sends: a bounded queue before Discord's limits. Heartbeats go past the queue and have places of their
// own in the window, so that no amount of sends can starve them.
// Source: Discord's documentation, Gateway › Rate Limiting (120 per 60 s per connection), Update Presence (5 per 20 s),
// Request Guild Members (all members of a guild once per 30 s).

import { Opcode } from "../../discord/opcodes.ts"
import type { Clock } from "../../flow/clock.ts"
import { RateWindow } from "../../flow/rate-window.ts"
import type { Refusal, SendablePacket } from "./rules.ts"

const CONNECTION_WINDOW = { limit: 120, windowMs: 60_000 } as const
const PRESENCE_WINDOW = { limit: 5, windowMs: 20_000 } as const
const ALL_MEMBERS_INTERVAL_MS = 30_000
/** Heartbeats that Discord asks for by op 1, beside those of the interval. */
const SPARE_HEARTBEATS = 3
/** Heartbeats never take more than this share of the window, however short the interval. */
const MOST_RESERVED = 100

/** Packets that may wait. */
export const MAX_QUEUED_SENDS = 1_000
/** How long a packet may wait before it is refused. Longer than the window, so that a burst does not expire in it. */
export const SEND_DEADLINE_MS = 120_000

/** null: written to the socket. */
export type SendResult = Refusal | null

interface Waiting {
  readonly packet: SendablePacket
  readonly deadlineMs: number
  readonly settle: (result: SendResult) => void
}

export interface SendQueueOptions {
  readonly clock: Clock
  /** Writes one text frame. */
  readonly write: (op: number, json: string) => void
}

export class SendQueue {
  readonly #clock: Clock
  readonly #write: (op: number, json: string) => void
  readonly #connection = new RateWindow(CONNECTION_WINDOW)
  readonly #presence = new RateWindow(PRESENCE_WINDOW)
  /** When all members of a guild were last asked for. Holds 30 s worth of requests, so at most a few dozen. */
  readonly #allMembers = new Map<string, number>()
  #waiting: Waiting[] = []
  #reserved = 0
  #live = false
  #cancelTimer: (() => void) | null = null

  constructor({ clock, write }: SendQueueOptions) {
    this.#clock = clock
    this.#write = write
  }

  get length(): number {
    return this.#waiting.length
  }

  /** A new connection has a new window. */
  opened(heartbeatIntervalMs: number): void {
    this.#connection.clear()
    this.#presence.clear()
    const heartbeats = Math.ceil(CONNECTION_WINDOW.windowMs / heartbeatIntervalMs) + SPARE_HEARTBEATS
    this.#reserved = Math.min(heartbeats, MOST_RESERVED)
  }

  /** The session is up: what waits may go out. */
  live(): void {
    this.#live = true
    this.#drain()
  }

  down(): void {
    this.#live = false
    this.#schedule()
  }

  /** Heartbeat, identify and resume: written at once, counted, never queued. */
  urgent(op: number, json: string): void {
    this.#connection.take(this.#clock.nowMs())
    this.#write(op, json)
  }

  /** Queues a packet. Resolves once it was written to the socket or refused for good. */
  send(packet: SendablePacket): Promise<SendResult> {
    if (this.#waiting.length >= MAX_QUEUED_SENDS) {
      const message = `Cannot queue op ${packet.op}: ${MAX_QUEUED_SENDS} packets wait for this shard already.`
      return Promise.resolve({ reason: "queue-full", message })
    }
    return new Promise((settle) => {
      this.#waiting.push({ packet, deadlineMs: this.#clock.nowMs() + SEND_DEADLINE_MS, settle })
      this.#drain()
    })
  }

  /** Refuses whatever waits. */
  stop(): void {
    this.#live = false
    this.#cancelTimer?.()
    this.#cancelTimer = null
    const waiting = this.#waiting
    this.#waiting = []
    for (const { packet, settle } of waiting) {
      settle({ reason: "stopped", message: `Cannot send op ${packet.op}: the gateway is stopping.` })
    }
  }

  #drain(): void {
    const nowMs = this.#clock.nowMs()
    this.#expire(nowMs)
    // A packet that has to wait for a limit of its own does not hold up those behind it.
    if (this.#live) this.#waiting = this.#waiting.filter((waiting) => !this.#try(waiting, nowMs))
    this.#schedule()
  }

  #try({ packet, settle }: Waiting, nowMs: number): boolean {
    if (this.#waitMs(packet, nowMs) > 0) return false
    this.#connection.take(nowMs)
    if (packet.op === Opcode.PresenceUpdate) this.#presence.take(nowMs)
    if (packet.allMembersOf !== null) this.#allMembers.set(packet.allMembersOf, nowMs)
    this.#write(packet.op, packet.json)
    settle(null)
    return true
  }

  #waitMs(packet: SendablePacket, nowMs: number): number {
    const presenceMs = packet.op === Opcode.PresenceUpdate ? this.#presence.waitMs(nowMs) : 0
    const lastMs = packet.allMembersOf === null ? undefined : this.#allMembers.get(packet.allMembersOf)
    const membersMs = lastMs === undefined ? 0 : lastMs + ALL_MEMBERS_INTERVAL_MS - nowMs
    return Math.max(0, this.#connection.waitMs(nowMs, this.#reserved), presenceMs, membersMs)
  }

  #expire(nowMs: number): void {
    for (const [guildId, atMs] of this.#allMembers) {
      if (nowMs - atMs >= ALL_MEMBERS_INTERVAL_MS) this.#allMembers.delete(guildId)
    }
    // First in, first to expire: the deadline is the same for all.
    while (this.#waiting[0] !== undefined && this.#waiting[0].deadlineMs <= nowMs) {
      const expired = this.#waiting.shift()
      const message = `Cannot send op ${expired?.packet.op}: it waited ${SEND_DEADLINE_MS / 1_000} s for its turn.`
      expired?.settle({ reason: "expired", message })
    }
  }

  /** Wakes at the first moment at which anything can change. */
  #schedule(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
    const first = this.#waiting[0]
    if (first === undefined) return
    const nowMs = this.#clock.nowMs()
    let wakeMs = first.deadlineMs - nowMs
    if (this.#live) for (const { packet } of this.#waiting) wakeMs = Math.min(wakeMs, this.#waitMs(packet, nowMs))
    this.#cancelTimer = this.#clock.after(Math.max(1, wakeMs), () => {
      this.#cancelTimer = null
      this.#drain()
    })
  }
}
