// One gateway's part in the fleet as a pure function: state and input give the next state and what to do. No Redis, clock or
// promise. What the ledger says decides: an answer that never came, or came twice, is mended by the next one.
//
// A lease is `leaseMs` long on the ledger's clock, from when a beat was executed. Here it counts from when the beat was
// sent, and only HELD_SHARE of it: what is left allows for clocks that differ in rate and for closing connections.

import { planShares } from "./balance.ts"
import { canTake, cutAll, drainAll, fenceDead, reconcile, sweepStrays } from "./decisions.ts"
import type { Answer, Beat, Book, HandedOver } from "./ledger.ts"
import { type Effect, type Facts, type Input, type MemberState, type Step, then, without } from "./member-state.ts"
import { giveWave, growthOf, hasNewInvites, invite, toldInvites } from "./waves.ts"

/** How much of a lease its holder trusts. The other fifth: half for clocks that drift, half for closing. */
export const HELD_SHARE = 0.8
/** Beats in a lease. */
const BEATS = 5
/** Beats in a lease while none is answered. */
const RETRIES = 20
/** Between beats that follow from one another. */
const FOLLOW_MS = 20

export function step(state: MemberState, input: Input, facts: Facts): Step {
  if (state.phase === "left") return { state, effects: [] }
  switch (input.type) {
    case "ask":
      return ask(state)
    case "answer":
      return onAnswer(state, input.answer, input.sentMs, facts)
    case "no-answer":
      return then({ state: { ...state, isAsking: false }, effects: [] }, (next) => wait(next, retryMs(next)))
    case "expired":
      return onExpired(state, facts)
    case "live":
      return onLive(state, input.shard, input.token, input.isLive)
    case "drained":
      return onDrained(state, input.shard, input.token)
    case "measured":
      return onMeasured(state, input.isOver)
    case "fenced":
      return ask({ ...state, fencing: without(state.fencing, input.node), fenced: [...state.fenced, input.node] })
    case "fence-failed":
      // The next answer says again that the node is dead.
      return { state: { ...state, fencing: without(state.fencing, input.node) }, effects: [] }
    case "swept":
      return ask({ ...withoutSweep(state, input.ledger), swept: input.ledger })
    case "sweep-failed":
      return { state: withoutSweep(state, input.ledger), effects: [] }
    case "drain":
      return then(ask({ ...state, isDraining: true }), drainAll)
    case "leave":
      return then(ask({ ...state, isDraining: true, phase: "leaving" }), drainAll)
    case "move":
      return onMove(state, input.shard, input.to)
  }
}

/** Another one may have begun since, for a ledger that was opened since. */
function withoutSweep(state: MemberState, ledger: number): MemberState {
  return state.sweeping === ledger ? { ...state, sweeping: null } : state
}

function ask(state: MemberState): Step {
  if (state.isAsking) return { state: { ...state, isAskedAgain: true }, effects: [] }
  const beat = beatOf(state)
  return {
    // Where no answer comes, the next one says again that these nodes are dead, or that nobody has swept.
    state: {
      ...state,
      isAsking: true,
      isAskedAgain: false,
      fenced: [],
      swept: null,
      claimed: beat.claims,
      given: withGiven(state, beat.handOvers),
      invited: beat.node.invites,
    },
    effects: [
      { type: "cancel", timer: "beat" },
      { type: "beat", beat },
    ],
  }
}

/** Bounded by the bot's shards. */
function withGiven({ given }: MemberState, handOvers: readonly HandedOver[]): MemberState["given"] {
  if (handOvers.length === 0) return given
  return new Map([...given, ...handOvers.map(({ shard, token }) => [shard, token] as const)])
}

function beatOf(state: MemberState): Beat {
  const { options, phase, isDraining, holdings, fenced, load, book, swept } = state
  const { id, weight, capacity, set, leaseMs } = options
  const all = [...holdings]
  const handOvers = all
    .filter(([, { stage }]) => stage === "drained")
    .map(([shard, { token, to, isPinned, isEnding: isEnded }]): HandedOver => ({ shard, token, to, isPinned, isEnded }))
  return {
    node: { id, weight, capacity, isDraining, isBusy: load?.isOver === true, invites: toldInvites(state) },
    set,
    leaseMs,
    held: all.filter(([, { stage }]) => stage !== "drained").map(([shard, { token }]) => ({ shard, token })),
    claims: claimsOf(state),
    handOvers,
    fenced,
    knows: book?.claimFromMs ?? null,
    swept,
    isLeaving: phase === "leaving" && handOvers.length === all.length,
  }
}

function claimsOf({ options, isDraining, book, plan }: MemberState): readonly number[] {
  if (book === null || isDraining || !canTake(book)) return []
  return plan?.claims.get(options.id) ?? []
}

function onAnswer(asked: MemberState, answer: Answer, sentMs: number, facts: Facts): Step {
  const { leaseMs } = asked.options
  const { book } = answer
  const state = { ...asked, isAsking: false, book, plan: planShares(book) }
  if (state.phase === "leaving" && isGone(state, book)) return left(state)
  if (answer.type !== "member") return onOutside(state, answer)
  const heldUntilMs = Math.max(state.heldUntilMs, sentMs + leaseMs * HELD_SHARE)
  // An answer that was so long on its way says what was, not what is.
  if (heldUntilMs <= facts.nowMs) return ask(state)
  const expiry: Effect = { type: "timer", timer: "expiry", delayMs: heldUntilMs - facts.nowMs }
  return then(
    { state: { ...state, heldUntilMs, options: { ...state.options, set: book.set } }, effects: [expiry] },
    (next) => reconcile(next, book),
    (next) => (next.isDraining ? drainAll(next) : giveWave(next, book, facts)),
    (next) => invite(next, book),
    (next) => fenceDead(next, book),
    (next) => sweepStrays(next, book),
    (next) => wait(next, wantsMore(next) ? FOLLOW_MS : leaseMs / BEATS),
  )
}

/** Than it has told the ledger. */
function wantsMore(state: MemberState): boolean {
  return claimsOf(state).length > 0 || hasNewInvites(state)
}

/** The next beat: at once where it was asked for meanwhile, sooner where shards can be claimed sooner. */
function wait(state: MemberState, delayMs: number): Step {
  if (state.isAskedAgain) return ask(state)
  const { nowMs, claimFromMs } = state.book ?? { nowMs: 0, claimFromMs: 0 }
  const untilClaimMs = nowMs < claimFromMs ? claimFromMs - nowMs : delayMs
  return { state, effects: [{ type: "timer", timer: "beat", delayMs: Math.min(delayMs, untilClaimMs) }] }
}

function retryMs({ options }: MemberState): number {
  return options.leaseMs / RETRIES
}

/** The ledger knows us no longer, because the beat said that we leave. */
function isGone({ options, holdings }: MemberState, { nodes }: Book): boolean {
  return [...holdings.values()].every(({ stage }) => stage === "drained") && !nodes.some(({ id }) => id === options.id)
}

function left(state: MemberState): Step {
  return {
    state: { ...state, phase: "left", holdings: new Map() },
    effects: [{ type: "cancel", timer: "beat" }, { type: "cancel", timer: "expiry" }, { type: "left" }],
  }
}

/** Not a member for the time being: nothing can be held. */
function onOutside(state: MemberState, { type, book }: Exclude<Answer, { readonly type: "member" }>): Step {
  const cut = cutAll(state, type === "fenced" ? "fenced" : "taken")
  if (cut.state.phase === "leaving") return then(cut, left)
  return then(
    cut,
    (next) => ({
      state: next,
      effects: type === "other-count" ? [{ type: "other-count", set: book.set }] : [],
    }),
    (next) => fenceDead(next, book),
    (next) => wait(next, retryMs(next)),
  )
}

function onExpired(state: MemberState, { nowMs }: Facts): Step {
  if (nowMs >= state.heldUntilMs) return cutAll(state, "expired")
  return { state, effects: [{ type: "timer", timer: "expiry", delayMs: state.heldUntilMs - nowMs }] }
}

function onLive(state: MemberState, shard: number, token: number, isLive: boolean): Step {
  const holding = state.holdings.get(shard)
  if (holding?.token !== token || holding.isLive === isLive) return { state, effects: [] }
  const holdings = new Map(state.holdings).set(shard, { ...holding, isLive })
  const next = { ...state, holdings }
  // The next wave can come.
  const isSettled = [...holdings.values()].every((one) => one.isLive)
  return isLive && isSettled ? ask(next) : { state: next, effects: [] }
}

function onMeasured(state: MemberState, isOver: boolean): Step {
  const load = { isOver, growthLeft: growthOf(state.holdings.size, state.options.waves) }
  const next = { ...state, load }
  const wasOver = state.load?.isOver === true
  return isOver === wasOver ? { state: next, effects: [] } : ask(next)
}

function onDrained(state: MemberState, shard: number, token: number): Step {
  const holding = state.holdings.get(shard)
  if (holding?.token !== token || holding.stage !== "draining") return { state, effects: [] }
  return ask({ ...state, holdings: new Map(state.holdings).set(shard, { ...holding, stage: "drained" }) })
}

function onMove(state: MemberState, shard: number, to: string): Step {
  const holding = state.holdings.get(shard)
  if (holding?.stage !== "serving") return { state, effects: [] }
  const moving = { ...holding, stage: "draining", to, isPinned: true } as const
  return {
    state: { ...state, holdings: new Map(state.holdings).set(shard, moving) },
    effects: [{ type: "drain", shard, token: holding.token }],
  }
}
