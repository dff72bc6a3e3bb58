// What a gateway does about what stands in the ledger: runs what is its own, lets go of what is not, hands over what is too
// much, and ends the connections of the dead.

import { hasSlot } from "../shard-set.ts"
import { planShares } from "./balance.ts"
import type { Book } from "./ledger.ts"
import type { CutReason, Effect, Facts, Holding, MemberState, Step } from "./member-state.ts"

/** Shards that a node hands over at once to balance. The next wave goes when these are live where they went. */
export const WAVE_SHARDS = 4
/** Of a lease: so much later the next in line ends a dead node's connections, when those before have not. */
const FENCE_TURN_SHARE = 0.1

/** Runs what the ledger gives us, and lets go of what it gives to others. */
export function reconcile(state: MemberState, book: Book): Step {
  const { leases, nowMs, claimFromMs } = book
  const { id } = state.options
  const holdings = new Map<number, Holding>()
  const effects: Effect[] = []
  for (const [shard, holding] of state.holdings) {
    const lease = leases.get(shard)
    const isOurs = lease?.owner === id && lease.token === holding.token
    if (isOurs && holding.stage === "serving" && isClosing(book, shard)) {
      holdings.set(shard, { ...holding, stage: "draining", to: null, isEnding: true })
      effects.push({ type: "retire", shard, token: holding.token })
    } else if (isOurs) holdings.set(shard, holding)
    else if (holding.stage !== "drained") effects.push({ type: "cut", shard, reason: "taken" })
  }
  for (const [shard, { owner, token, isPinned }] of leases) {
    // A ledger that may have forgotten who had it next is given the time to be told.
    if (owner !== id || holdings.has(shard) || nowMs < claimFromMs) continue
    const holding = { token, isLive: false, to: null, isPinned, isEnding: false }
    if (state.isDraining) holdings.set(shard, { ...holding, stage: "drained" })
    else {
      holdings.set(shard, { ...holding, stage: "serving" })
      effects.push({ type: "serve", shard, token, wasClaimed: state.claimed.includes(shard) })
    }
  }
  // Somebody gave a draining node another shard.
  const isAskedAgain = state.isAskedAgain || (state.isDraining && [...holdings.values()].some(isDrained))
  return { state: { ...state, holdings, isAskedAgain }, effects }
}

/** It runs only until its session can be closed for good. */
function isClosing({ other }: Book, slot: number): boolean {
  return other?.isClosing === true && hasSlot(other, slot)
}

function isDrained({ stage }: Holding): boolean {
  return stage === "drained"
}

export function cutAll(state: MemberState, reason: CutReason): Step {
  const effects: Effect[] = []
  for (const [shard, { stage }] of state.holdings) {
    if (stage !== "drained") effects.push({ type: "cut", shard, reason })
  }
  return { state: { ...state, holdings: new Map(), heldUntilMs: Number.NEGATIVE_INFINITY }, effects }
}

/** Everything goes, all at once, to whoever has room. */
export function drainAll(state: MemberState): Step {
  const { id } = state.options
  const isServing = [...state.holdings.values()].some(({ stage }) => stage === "serving")
  if (state.book === null || !isServing) return { state, effects: [] }
  const nodes = state.book.nodes.map((node) => (node.id === id ? { ...node, isDraining: true } : node))
  const { moves } = planShares({ ...state.book, nodes })
  const targets = new Map(moves.filter(({ from }) => from === id).map(({ shard, to }) => [shard, to]))
  const serving = [...state.holdings].filter(([, { stage }]) => stage === "serving")
  return drain(
    state,
    serving.map(([shard]) => ({ shard, to: targets.get(shard) ?? null })),
  )
}

/** One wave of what this node has above its share, to those that have taken in what they were given before. */
export function balance(state: MemberState, book: Book, { isIdentifying }: Facts): Step {
  const { id, leaseMs } = state.options
  if ([...state.holdings.values()].some(({ stage }) => stage !== "serving")) return { state, effects: [] }
  const wave = (state.plan?.moves ?? [])
    .filter(({ from, to, shard }) => from === id && !isIdentifying(shard) && isReady(book, to, leaseMs))
    .slice(0, WAVE_SHARDS)
  return drain(state, wave)
}

/** What waits for a lease's time in vain, as for the day's identifies, holds nobody up. */
function isReady({ nodes, leases, nowMs }: Book, id: string, leaseMs: number): boolean {
  if (nodes.find((node) => node.id === id)?.unsettled === 0) return true
  for (const { owner, changedMs } of leases.values()) if (owner === id && nowMs - changedMs < leaseMs) return false
  return true
}

function drain(state: MemberState, shards: readonly { readonly shard: number; readonly to: string | null }[]): Step {
  const holdings = new Map(state.holdings)
  const effects: Effect[] = []
  for (const { shard, to } of shards) {
    const holding = holdings.get(shard)
    if (holding === undefined) continue
    holdings.set(shard, { ...holding, stage: "draining", to, isPinned: false })
    effects.push({ type: "drain", shard, token: holding.token })
  }
  return { state: { ...state, holdings }, effects }
}

/**
 * Ends the connections of dead nodes. One node does it, the next one in line where that one does not; a dead node itself
 * does it for its own when nobody else is left, and so comes back.
 */
export function fenceDead(state: MemberState, { nodes, nowMs }: Book): Step {
  const { id, leaseMs } = state.options
  const living = nodes.filter(({ isDead }) => !isDead).map((node) => node.id)
  const place = living.filter((other) => other !== id && (other < id || !living.includes(id))).length
  const due = nodes.filter(
    (node) =>
      node.isDead &&
      !state.fencing.has(node.id) &&
      !state.fenced.includes(node.id) &&
      nowMs >= node.deadlineMs + place * leaseMs * FENCE_TURN_SHARE,
  )
  return {
    state: { ...state, fencing: new Set([...state.fencing, ...due.map((node) => node.id)]) },
    effects: due.map((node) => ({ type: "fence", node: node.id })),
  }
}
