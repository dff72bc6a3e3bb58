// What the protocol of one shard knows, what it is told, and what it wants done. The rules are in step.ts.

import type { ControlPacket } from "../../codec/decoder.ts"

/**
 * Where a shard stands.
 * `new` → `dialing` → `greeting` (open, no Hello yet) → `resuming`, or `queued` (waits for its identify slot) →
 * `identifying` → `live`. Between connections it is `waiting` (backoff) or `held` (the broker is too slow).
 * `stopped` is final.
 */
export type Phase =
  | "new"
  | "dialing"
  | "greeting"
  | "queued"
  | "identifying"
  | "resuming"
  | "live"
  | "waiting"
  | "held"
  | "stopped"

export interface ShardState {
  readonly phase: Phase
  /** The session to resume. `resumeUrl` is null when READY brought none that can be dialled. */
  readonly session: { readonly id: string; readonly resumeUrl: string | null } | null
  /** The url of `/gateway/bot`. */
  readonly gatewayUrl: string
  /** Connections in a row that did not hold; decides the backoff. */
  readonly attempt: number
  /** Resumes in a row that brought nothing; kept with the session. */
  readonly resumeFailures: number
  /** The resume host could not be reached: dial `gatewayUrl`, still to resume. */
  readonly resumeHostDead: boolean
  readonly heartbeatIntervalMs: number
  readonly awaitingAck: boolean
  /** While `resuming`: the sequence at which progress was last seen. */
  readonly resumedFrom: number
}

/** Why a connection ended, as a label. */
export type DownKind =
  | "op7"
  | "op9"
  | "closed"
  | "unreachable"
  | "corrupt"
  | "zombie"
  | "no-hello"
  | "no-ready"
  | "bad-payload"
  | "slow-broker"
  | "restarted"

export type TimerName = "dial" | "hello" | "ready" | "heartbeat" | "reconnect"

export type Input =
  | { readonly type: "start" }
  | { readonly type: "open" }
  | { readonly type: "packet"; readonly packet: ControlPacket }
  /** The socket is gone; 1006 where no close frame came. */
  | { readonly type: "closed"; readonly code: number }
  /** The transport cannot be decoded any further. */
  | { readonly type: "corrupt"; readonly reason: string }
  | { readonly type: "timer"; readonly timer: TimerName }
  /** The identify queue gave this shard its slot. */
  | { readonly type: "turn" }
  /** The delivery window was full for too long. */
  | { readonly type: "hold" }
  /** The delivery window has room again. */
  | { readonly type: "release" }
  /** An operator wants the connection made anew, and the session kept. */
  | { readonly type: "restart" }
  | { readonly type: "stop" }

/** What the outside knows at the moment of an input. */
export interface Facts {
  /** The last sequence decoded in this session; 0 before the first. */
  readonly sequence: number
  /** Whether any frame came since the last heartbeat was sent. */
  readonly alive: boolean
  /** In [0, 1), new at every call. */
  readonly random: () => number
}

export type Effect =
  /** Opens a new socket generation, to resume the session or to identify. */
  | { readonly type: "connect"; readonly baseUrl: string; readonly resume: boolean }
  /** Closes the current socket; whatever it still says is stale. */
  | { readonly type: "close"; readonly code: number }
  | { readonly type: "timer"; readonly timer: TimerName; readonly delayMs: number }
  | { readonly type: "cancel"; readonly timer: TimerName }
  | { readonly type: "heartbeat" }
  | { readonly type: "acknowledged" }
  /** Heartbeats are due this often from now on; the connection can take packets of its own. */
  | { readonly type: "hello"; readonly heartbeatIntervalMs: number }
  | { readonly type: "request-turn" }
  | { readonly type: "leave-queue" }
  | { readonly type: "identify" }
  | { readonly type: "resume"; readonly sessionId: string }
  | { readonly type: "live"; readonly resumed: boolean }
  /** The connection is given up and will be tried again; on `release` where `retryMs` is null. */
  | { readonly type: "down"; readonly kind: DownKind; readonly reason: string; readonly retryMs: number | null }
  /** The session cannot be resumed: events after `lastSequence` are lost. */
  | { readonly type: "gap"; readonly sessionId: string; readonly lastSequence: number }
  /** Final. `remedy` where Discord refuses us for good: one sentence that says what to change. */
  | { readonly type: "stopped"; readonly remedy: string | null }

export interface Step {
  readonly state: ShardState
  readonly effects: readonly Effect[]
}

export interface ResumableSession {
  readonly id: string
  readonly resumeUrl: string | null
  readonly resumeFailures: number
}

/** A shard before its start. */
export function newShard(gatewayUrl: string, session: ResumableSession | null): ShardState {
  return {
    phase: "new",
    session: session === null ? null : { id: session.id, resumeUrl: session.resumeUrl },
    gatewayUrl,
    attempt: 0,
    resumeFailures: session?.resumeFailures ?? 0,
    resumeHostDead: false,
    heartbeatIntervalMs: 0,
    awaitingAck: false,
    resumedFrom: 0,
  }
}
