// What a gateway does about what stands in the ledger: runs what is its own, lets go of what is not, hands over everything
// when it stops, and ends the connections of the dead and of the forgotten. How shards move to balance: waves.ts.

import { hasSlot } from "../shard-set.ts"
import { planShares } from "./balance.ts"
import type { Book } from "./ledger.ts"
import type { CutReason, Effect, Holding, MemberState, Step } from "./member-state.ts"
import { drain, withdrawAll } from "./waves.ts"

/** Of a lease: so much later the next in line ends connections, when those before have not. */
const FENCE_TURN_SHARE = 0.1

/** Runs what the ledger gives us, and lets go of what it gives to others. */
export function reconcile(state: MemberState, book: Book): Step {
  const { leases, claimFromMs } = book
  const { id, leaseMs } = state.options
  const holdings = new Map<number, Holding>()
  const effects: Effect[] = []
  for (const [shard, holding] of state.holdings) {
    const lease = leases.get(shard)
    // Where the ledger has forgotten a reshard, nobody runs the shards that came up for it.
    const isOurs = lease?.owner === id && lease.token === holding.token && isKnown(book, shard)
    if (isOurs && holding.stage === "serving" && isClosing(book, shard)) {
      holdings.set(shard, { ...holding, stage: "draining", to: null, isEnding: true })
      effects.push({ type: "retire", shard, token: holding.token })
    } else if (isOurs) holdings.set(shard, holding)
    else if (holding.stage !== "drained") effects.push({ type: "cut", shard, reason: "taken" })
  }
  for (const [shard, { owner, token, isPinned, changedMs }] of leases) {
    // A ledger that may have forgotten who had it next is given the time to be told; and whoever that is may write still.
    if (owner !== id || holdings.has(shard) || !canTake(book) || !isKnown(book, shard)) continue
    const holding = { token, isLive: false, to: null, isPinned, isEnding: false }
    // From before this server had the ledger. Whoever had it next, and is dead by now, had a later token: it goes on here
    // under one that is later still. Tokens are times, too.
    const isForgetful = Math.min(changedMs, token) < claimFromMs - leaseMs
    // Told to hand it over, and then cut before that was answered: the beat may still arrive, and is for this token alone.
    const isGiven = state.given.get(shard) === token
    if (state.isDraining) holdings.set(shard, { ...holding, stage: "drained" })
    else if (isForgetful || isGiven) holdings.set(shard, { ...holding, stage: "drained", to: id })
    else {
      holdings.set(shard, { ...holding, stage: "serving" })
      effects.push({ type: "serve", shard, token, wasClaimed: state.claimed.includes(shard) })
    }
  }
  // It has a shard that it must not run.
  const isAskedAgain = state.isAskedAgain || [...holdings.values()].some(isDrained)
  return { state: { ...state, holdings, isAskedAgain }, effects }
}

/** A shard that one did not run when the ledger was opened. */
export function canTake({ nowMs, claimFromMs, isSwept }: Book): boolean {
  return nowMs >= claimFromMs && isSwept
}

function isKnown({ set, other }: Book, slot: number): boolean {
  return hasSlot(set, slot) || (other !== null && hasSlot(other, slot))
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
  return { state: { ...withdrawAll(state), holdings: new Map(), heldUntilMs: Number.NEGATIVE_INFINITY }, effects }
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

/**
 * Ends the connections of dead nodes. One node does it, the next one in line where that one does not; a dead node itself
 * does it for its own when nobody else is left, and so comes back.
 */
export function fenceDead(state: MemberState, { nodes, nowMs }: Book): Step {
  const turnMs = turnOf(state, nodes)
  const due = nodes.filter(
    (node) =>
      node.isDead &&
      !state.fencing.has(node.id) &&
      !state.fenced.includes(node.id) &&
      nowMs >= node.deadlineMs + turnMs,
  )
  return {
    state: { ...state, fencing: new Set([...state.fencing, ...due.map((node) => node.id)]) },
    effects: due.map((node) => ({ type: "fence", node: node.id })),
  }
}

/**
 * Ends the connections of all that are not back since the ledger was opened, before it gives anybody a shard: nobody else
 * would ever end those of a node that the ledger does not know, and what such a node had may be free in it. One node does it,
 * the next one in line where that one does not. Who comes back later connects again, and asks before it writes.
 */
export function sweepStrays(state: MemberState, { nodes, nowMs, claimFromMs, isSwept }: Book): Step {
  const isDue = !isSwept && state.sweeping !== claimFromMs && nowMs >= claimFromMs + turnOf(state, nodes)
  if (!isDue) return { state, effects: [] }
  const spared = nodes.filter(({ isBack }) => isBack).map((node) => node.id)
  return { state: { ...state, sweeping: claimFromMs }, effects: [{ type: "sweep", ledger: claimFromMs, spared }] }
}

/** How long this node leaves it to those that are before it in line. */
function turnOf({ options }: MemberState, nodes: Book["nodes"]): number {
  const { id, leaseMs } = options
  const living = nodes.filter(({ isDead }) => !isDead).map((node) => node.id)
  const place = living.filter((other) => other !== id && (other < id || !living.includes(id))).length
  return place * leaseMs * FENCE_TURN_SHARE
}
