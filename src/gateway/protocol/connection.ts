// The ways in which a connection begins and ends, shared by all the rules of step.ts.

import { RESUMABLE_CLOSE_CODE } from "../../discord/close-codes.ts"
import { backoffMs } from "../../flow/backoff.ts"
import { DIAL_DEADLINE_MS, MAX_RESUME_FAILURES, RECONNECT_BACKOFF } from "./limits.ts"
import type { DownKind, Effect, Facts, ShardState, Step, TimerName } from "./state.ts"

export function connect(state: ShardState): Step {
  const resumeUrl = state.resumeHostDead ? null : state.session?.resumeUrl
  return {
    state: { ...state, phase: "dialing", awaitingAck: false },
    effects: [
      { type: "connect", baseUrl: resumeUrl ?? state.gatewayUrl, resume: state.session !== null },
      { type: "timer", timer: "dial", delayMs: DIAL_DEADLINE_MS },
    ],
  }
}

export interface ReconnectOptions {
  readonly kind: DownKind
  /** For the log: what happened, in words. */
  readonly reason: string
  readonly leastWaitMs?: number
  /** It was our own wish: a resume that it ends has not failed. */
  readonly ours?: boolean
  /** Wait for `release` instead of a timer. */
  readonly hold?: boolean
}

/** Ends the connection so that the session stays, and tries again after the backoff. */
export function reconnect(state: ShardState, facts: Facts, options: ReconnectOptions): Step {
  const resumeFailures = failuresAfter(state, facts, options.ours === true)
  if (resumeFailures >= MAX_RESUME_FAILURES && state.session !== null) {
    return giveUpSession({ ...state, resumeFailures: 0 }, facts, {
      ...options,
      reason: `${options.reason}, and ${resumeFailures} resumes in a row failed`,
    })
  }
  return down({ ...state, resumeFailures }, facts, options)
}

/** As `reconnect`, with the session dropped: the next connection identifies, and consumers are told of the gap. */
export function giveUpSession(state: ShardState, facts: Facts, options: ReconnectOptions): Step {
  const { state: next, effects } = down(state, facts, options)
  if (state.session === null) return { state: next, effects }
  return {
    state: { ...next, session: null, resumeFailures: 0, resumeHostDead: false },
    effects: [...effects, { type: "gap", sessionId: state.session.id, lastSequence: facts.sequence }],
  }
}

/** Final: the socket is closed in the way that keeps the session. */
export function stop(state: ShardState, remedy: string | null): Step {
  return { state: { ...state, phase: "stopped" }, effects: [...disconnect(state), { type: "stopped", remedy }] }
}

/** A resume has failed when it ended without one replayed event, and not by our own wish. */
function failuresAfter(state: ShardState, facts: Facts, ours: boolean): number {
  if (state.phase !== "resuming" || ours) return state.resumeFailures
  return facts.sequence > state.resumedFrom ? 0 : state.resumeFailures + 1
}

function down(
  state: ShardState,
  facts: Facts,
  { kind, reason, leastWaitMs = 0, hold = false }: ReconnectOptions,
): Step {
  if (hold) {
    return {
      state: { ...state, phase: "held" },
      effects: [...disconnect(state), { type: "down", kind, reason, retryMs: null }],
    }
  }
  const retryMs = Math.max(leastWaitMs, backoffMs(state.attempt, RECONNECT_BACKOFF, facts.random()))
  return {
    state: { ...state, phase: "waiting", attempt: state.attempt + 1 },
    effects: [
      ...disconnect(state),
      { type: "down", kind, reason, retryMs },
      { type: "timer", timer: "reconnect", delayMs: retryMs },
    ],
  }
}

/** Lets go of everything that belongs to the connection of this phase. */
function disconnect(state: ShardState): readonly Effect[] {
  const effects: Effect[] = TIMERS.map((timer) => ({ type: "cancel", timer }))
  if (state.phase === "queued") effects.push({ type: "leave-queue" })
  if (state.phase !== "new" && state.phase !== "waiting" && state.phase !== "held") {
    effects.push({ type: "close", code: RESUMABLE_CLOSE_CODE })
  }
  return effects
}

const TIMERS: readonly TimerName[] = ["dial", "hello", "ready", "heartbeat", "reconnect"]
