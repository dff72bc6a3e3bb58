// The reshard as a pure function: state and input give the next state and what to do. No Redis, clock or promise. Whatever
// was interrupted is done again by the next leader: every effect may be carried out twice.

import type { ReshardEffect, ReshardInput, ReshardPhase, ReshardState, ReshardStep } from "./state.ts"

/** New shards whose guilds change hands at a time, at least. */
export const HAND_OVERS_AT_ONCE = 8
/** Of a large set so many parts: each takes a minute or so, for what it has to listen before. */
const HAND_OVER_PARTS = 64

export function step(state: ReshardState, input: ReshardInput): ReshardStep {
  switch (input.type) {
    case "lead":
      return openAndWork(state)
    case "stored": {
      // What was in hand for another phase can no longer be stored.
      const inHand = input.record.phase === "cutting" ? state.inHand : new Set<number>()
      return work({ ...state, record: input.record, isStoring: false, inHand })
    }
    case "live": {
      const live = input.isLive ? new Set([...state.live, ...input.shards]) : without(state.live, input.shards)
      return work({ ...state, live })
    }
    case "handed-over":
      return work(handedOver(state, input.shards, input.to))
    case "not-handed-over":
      // Put off: a shard that fails at once must not be tried in a loop.
      return { state: { ...state, inHand: without(state.inHand, input.shards) }, effects: [{ type: "retry-later" }] }
    case "retry":
      return work(state)
    case "closed":
      return onClosed(state, input.set)
    case "undo":
      return undo(state, input.reason)
  }
}

/** A new leader does not know which sessions of the new set were started. */
function openAndWork(state: ReshardState): ReshardStep {
  const { phase, to } = state.record
  const isOpen = phase === "opening" || phase === "cutting" || phase === "closing"
  const opens = isOpen ? range(to).map((shard): ReshardEffect => ({ type: "open", shard })) : []
  const { state: next, effects } = work(state)
  return { state: next, effects: [...opens, ...effects] }
}

function handedOver(state: ReshardState, shards: readonly number[], to: "new" | "old"): ReshardState {
  const others = without(new Set(state.record.cut), shards)
  const cut = to === "new" ? [...others, ...shards].sort((a, b) => a - b) : [...others]
  return { ...state, record: { ...state.record, cut }, inHand: without(state.inHand, shards) }
}

function onClosed(state: ReshardState, set: "new" | "old"): ReshardStep {
  const { phase, cut } = state.record
  if (phase === "closing" && set === "old") return into(state, "done")
  if (phase === "undoing" && set === "new" && cut.length === 0) return into(state, "undone")
  return unchanged(state)
}

function undo(state: ReshardState, reason: string): ReshardStep {
  const { phase } = state.record
  // Once the old set is closing there is nothing to go back to.
  if (state.isStoring || (phase !== "opening" && phase !== "cutting")) return unchanged(state)
  return into(state, "undoing", reason)
}

/** What is due in this phase. */
function work(state: ReshardState): ReshardStep {
  if (state.isStoring) return unchanged(state)
  const { phase, to, cut, reason } = state.record
  switch (phase) {
    case "opening":
      return state.live.size === to ? into(state, "cutting") : unchanged(state)
    case "cutting": {
      if (cut.length === to) return into(state, "closing")
      const isCut = new Set(cut)
      // Only to a shard that can take over at once: until then the old one goes on.
      return handOver(
        state,
        [...state.live].filter((shard) => !isCut.has(shard)).sort((a, b) => a - b),
        "new",
      )
    }
    case "closing":
      return { state, effects: [{ type: "close", set: "old" }] }
    case "undoing":
      return cut.length === 0 ? { state, effects: [{ type: "close", set: "new" }] } : handOver(state, cut, "old")
    case "done":
    case "undone":
      return { state, effects: [{ type: "finished", outcome: phase, reason }] }
  }
}

function handOver(state: ReshardState, wanted: readonly number[], to: "new" | "old"): ReshardStep {
  const atOnce = Math.max(HAND_OVERS_AT_ONCE, Math.ceil(state.record.to / HAND_OVER_PARTS))
  const room = Math.max(0, atOnce - state.inHand.size)
  const chosen = wanted.filter((shard) => !state.inHand.has(shard)).slice(0, room)
  return {
    state: { ...state, inHand: new Set([...state.inHand, ...chosen]) },
    effects: chosen.map((shard): ReshardEffect => ({ type: "hand-over", shard, to })),
  }
}

function into(state: ReshardState, phase: ReshardPhase, reason: string | null = null): ReshardStep {
  return {
    state: { ...state, isStoring: true },
    effects: [{ type: "store", phase, reason: reason ?? state.record.reason }],
  }
}

function unchanged(state: ReshardState): ReshardStep {
  return { state, effects: [] }
}

function without(set: ReadonlySet<number>, shards: readonly number[]): ReadonlySet<number> {
  const gone = new Set(shards)
  return new Set([...set].filter((shard) => !gone.has(shard)))
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, shard) => shard)
}
