// The gateway protocol of one shard as a pure function: state and input give the next state and what to do. No socket,
// clock or promise; time comes in as `timer` inputs, randomness through the facts.
// Source: Discord's documentation, Gateway › Connection Lifecycle.

import type { ControlPacket } from "../../codec/decoder.ts"
import { closeRule } from "../../discord/close-codes.ts"
import { Opcode } from "../../discord/opcodes.ts"
import { connect, giveUpSession, reconnect, stop } from "./connection.ts"
import { HELLO_DEADLINE_MS, INVALID_SESSION_WAIT_MS, READY_DEADLINE_MS } from "./limits.ts"
import { readHello, readReady } from "./payloads.ts"
import type { Effect, Facts, Input, Phase, ShardState, Step, TimerName } from "./state.ts"

/** Whether a `restart` does anything in this phase. */
export function canRestart(phase: Phase): boolean {
  return phase !== "new" && phase !== "held" && phase !== "identifying" && phase !== "stopped"
}

/** The next state, and the effects in the order in which they must be carried out. */
export function step(state: ShardState, input: Input, facts: Facts): Step {
  if (state.phase === "stopped") return unchanged(state)
  switch (input.type) {
    case "start":
      return state.phase === "new" ? connect(state) : unchanged(state)
    case "open":
      return onOpen(state)
    case "packet":
      return isConnected(state) ? onPacket(state, input.packet, facts) : unchanged(state)
    case "closed":
      return onClosed(state, input.code, facts)
    case "corrupt":
      return isConnected(state) ? reconnect(state, facts, { kind: "corrupt", reason: input.reason }) : unchanged(state)
    case "timer":
      return onTimer(state, input.timer, facts)
    case "turn":
      return onTurn(state)
    case "hold":
      return onHold(state, facts)
    case "release":
      return state.phase === "held" ? connect(state) : unchanged(state)
    case "restart":
      return onRestart(state, facts)
    case "stop":
      return stop(state, null)
  }
}

function unchanged(state: ShardState): Step {
  return { state, effects: [] }
}

function isConnected({ phase }: ShardState): boolean {
  return phase !== "new" && phase !== "dialing" && phase !== "waiting" && phase !== "held" && phase !== "stopped"
}

function onOpen(state: ShardState): Step {
  if (state.phase !== "dialing") return unchanged(state)
  return {
    state: { ...state, phase: "greeting" },
    effects: [
      { type: "cancel", timer: "dial" },
      { type: "timer", timer: "hello", delayMs: HELLO_DEADLINE_MS },
    ],
  }
}

function onPacket(state: ShardState, packet: ControlPacket, facts: Facts): Step {
  switch (packet.op) {
    case Opcode.Dispatch:
      if (packet.t === "READY") return onReady(state, packet.d, facts)
      return packet.t === "RESUMED" ? onResumed(state) : unchanged(state)
    case Opcode.Heartbeat:
      return { state: { ...state, awaitingAck: true }, effects: [{ type: "heartbeat" }] }
    case Opcode.Reconnect:
      return reconnect(state, facts, { kind: "op7", reason: "Discord asked for a reconnect (op 7)" })
    case Opcode.InvalidSession:
      return onInvalidSession(state, packet.d === true, facts)
    case Opcode.Hello:
      return onHello(state, packet.d, facts)
    case Opcode.HeartbeatAck:
      // A connection has proven itself once it was live for a heartbeat: only then the backoff starts anew.
      return {
        state: { ...state, awaitingAck: false, attempt: state.phase === "live" ? 0 : state.attempt },
        effects: [{ type: "acknowledged" }],
      }
    default:
      return unchanged(state)
  }
}

function onHello(state: ShardState, d: unknown, facts: Facts): Step {
  if (state.phase !== "greeting") return unchanged(state)
  const hello = readHello(d)
  if (hello === null)
    return reconnect(state, facts, { kind: "bad-payload", reason: "Hello brought no heartbeat_interval" })
  const { heartbeatIntervalMs } = hello
  const greeted: readonly Effect[] = [
    { type: "cancel", timer: "hello" },
    { type: "hello", heartbeatIntervalMs },
    { type: "timer", timer: "heartbeat", delayMs: heartbeatIntervalMs * facts.random() },
  ]
  const next = { ...state, heartbeatIntervalMs, awaitingAck: false }
  if (state.session === null) {
    return { state: { ...next, phase: "queued" }, effects: [...greeted, { type: "request-turn" }] }
  }
  return {
    state: { ...next, phase: "resuming", resumedFrom: facts.sequence },
    effects: [
      ...greeted,
      { type: "resume", sessionId: state.session.id },
      { type: "timer", timer: "ready", delayMs: READY_DEADLINE_MS },
    ],
  }
}

function onTurn(state: ShardState): Step {
  if (state.phase !== "queued") return unchanged(state)
  return {
    state: { ...state, phase: "identifying" },
    effects: [{ type: "identify" }, { type: "timer", timer: "ready", delayMs: READY_DEADLINE_MS }],
  }
}

function onReady(state: ShardState, d: unknown, facts: Facts): Step {
  if (state.phase !== "identifying") return unchanged(state)
  const ready = readReady(d)
  if (ready === null) return reconnect(state, facts, { kind: "bad-payload", reason: "READY brought no session_id" })
  return {
    state: { ...state, phase: "live", session: ready, resumeFailures: 0, resumeHostDead: false },
    effects: [
      { type: "cancel", timer: "ready" },
      { type: "live", resumed: false },
    ],
  }
}

function onResumed(state: ShardState): Step {
  if (state.phase !== "resuming") return unchanged(state)
  return {
    state: { ...state, phase: "live", resumeFailures: 0 },
    effects: [
      { type: "cancel", timer: "ready" },
      { type: "live", resumed: true },
    ],
  }
}

function onInvalidSession(state: ShardState, resumable: boolean, facts: Facts): Step {
  if (resumable)
    return reconnect(state, facts, { kind: "op9", reason: "Discord wants the session resumed (op 9 true)" })
  const { least, most } = INVALID_SESSION_WAIT_MS
  const waitMs = least + (most - least) * facts.random()
  return giveUpSession(state, facts, {
    kind: "op9",
    reason: "Discord invalidated the session (op 9 false)",
    leastWaitMs: waitMs,
  })
}

function onClosed(state: ShardState, code: number, facts: Facts): Step {
  if (state.phase === "dialing") {
    // Discord's answer to a resume may come from a host that is gone: the next try goes to the other of the two.
    const dialled = state.session?.resumeUrl == null ? state : { ...state, resumeHostDead: !state.resumeHostDead }
    return reconnect(dialled, facts, { kind: "unreachable", reason: `the gateway could not be reached (${code})` })
  }
  if (!isConnected(state)) return unchanged(state)
  const rule = closeRule(code)
  const reason = `the connection was closed with ${code} (${rule.name})`
  if (rule.action === "stop") return stop(state, rule.remedy ?? reason)
  const down = { kind: "closed", reason } as const
  return rule.action === "identify" ? giveUpSession(state, facts, down) : reconnect(state, facts, down)
}

function onTimer(state: ShardState, timer: TimerName, facts: Facts): Step {
  switch (timer) {
    case "dial":
      return state.phase === "dialing" ? onClosed(state, 1006, facts) : unchanged(state)
    case "hello":
      return state.phase === "greeting"
        ? reconnect(state, facts, { kind: "no-hello", reason: "no Hello came" })
        : unchanged(state)
    case "ready":
      return onReadyDeadline(state, facts)
    case "heartbeat":
      return isConnected(state) ? onHeartbeatDue(state, facts) : unchanged(state)
    case "reconnect":
      return state.phase === "waiting" ? connect(state) : unchanged(state)
  }
}

function onReadyDeadline(state: ShardState, facts: Facts): Step {
  if (state.phase === "identifying") return reconnect(state, facts, { kind: "no-ready", reason: "no READY came" })
  if (state.phase !== "resuming") return unchanged(state)
  if (facts.sequence <= state.resumedFrom)
    return reconnect(state, facts, { kind: "no-ready", reason: "no RESUMED came" })
  // A long replay is still arriving.
  return {
    state: { ...state, resumedFrom: facts.sequence, resumeFailures: 0 },
    effects: [{ type: "timer", timer: "ready", delayMs: READY_DEADLINE_MS }],
  }
}

function onHeartbeatDue(state: ShardState, facts: Facts): Step {
  // Any frame is a sign of life: a flood of GUILD_CREATE delays ACKs.
  if (state.awaitingAck && !facts.alive) {
    return reconnect(state, facts, {
      kind: "zombie",
      reason: "the connection is dead (no heartbeat ACK and no other frame)",
    })
  }
  return {
    state: { ...state, awaitingAck: true },
    effects: [{ type: "heartbeat" }, { type: "timer", timer: "heartbeat", delayMs: state.heartbeatIntervalMs }],
  }
}

function onHold(state: ShardState, facts: Facts): Step {
  if (state.phase === "new" || state.phase === "held") return unchanged(state)
  return reconnect(state, facts, { kind: "slow-broker", reason: "the broker is too slow", ours: true, hold: true })
}

/**
 * While the shard waits for the broker, or was not started, there is no connection that could be made anew; and while READY
 * is on its way, ending the connection would waste an identify.
 */
function onRestart(state: ShardState, facts: Facts): Step {
  if (!canRestart(state.phase)) return unchanged(state)
  if (state.phase === "waiting") {
    const { state: next, effects } = connect(state)
    return { state: next, effects: [{ type: "cancel", timer: "reconnect" }, ...effects] }
  }
  return reconnect(state, facts, { kind: "restarted", reason: "an operator restarted the shard", ours: true })
}
