// How shards move between living nodes to balance: in waves, and by invitation. A node that has room invites some of what
// the plan gives it, and nobody hands over what is not invited. So however many give at once, and whatever each of them has
// read by then, a node has no more shards on their way to it than it takes in at a time; each of them runs until its turn.

import type { Book, Invite } from "./ledger.ts"
import type { Effect, Facts, Invitation, MemberState, Step, WaveBounds } from "./member-state.ts"

/** As many as a gateway starts at a time (fleet.ts of the gateway), and few from each, so that a wave is soon over. */
export const WAVES: WaveBounds = { perTaker: 32, perGiver: 4 }
/** The next are invited when no more than this part of a wave is on its way still. */
const REFILL_SHARE = 0.5
/** A hand-over that takes longer has no place among those that are on their way. */
const WITHDRAWN_LEASES = 3
/** Of what a node holds: by so much it may grow before its load is measured again. */
const GROWTH_SHARE = 0.25

/** What is on its way to a node, and what it invites besides. */
export function invite(state: MemberState, book: Book): Step {
  const { id, waves = WAVES } = state.options
  const moves = state.isDraining ? [] : (state.plan?.moves ?? [])
  const ours = moves.filter(({ to }) => to === id)
  const intake = stillOnTheirWay(state, book, new Set(moves.map(({ shard }) => shard)), ours.length)
  let places = waves.perTaker - intake.size - otherArrivals(state, book, intake)
  let growth = state.load?.growthLeft ?? Number.POSITIVE_INFINITY
  let listed = invitesOf(intake).length
  // Not one by one: each change is news that every node reads.
  const isTime = intake.size <= waves.perTaker * REFILL_SHARE
  for (const move of isTime ? ours : []) {
    if (places <= 0 || growth <= 0 || listed >= ours.length) break
    if (intake.has(move.shard) || onTheirWayFrom(intake, move.from) >= waves.perGiver) continue
    const token = book.leases.get(move.shard)?.token ?? 0
    intake.set(move.shard, { from: move.from, token, withdrawnMs: null })
    places -= 1
    growth -= 1
    listed += 1
  }
  const load = state.load === null ? null : { ...state.load, growthLeft: growth }
  return { state: { ...state, intake, load }, effects: [] }
}

function invitesOf(intake: MemberState["intake"]): readonly Invite[] {
  const standing = [...intake].filter(([, { withdrawnMs }]) => withdrawnMs === null)
  return standing.map(([shard, { token }]) => ({ shard, token }))
}

/** What is to stand beside our name in the ledger. That some of them have come meanwhile is no news. */
export function toldInvites(state: MemberState): readonly Invite[] {
  const { intake, invited, holdings } = state
  const isWithdrawn = ({ shard }: Invite) => intake.get(shard)?.withdrawnMs != null && !holdings.has(shard)
  const invites = invitesOf(intake)
  return invites.length === 0 || invited.some(isWithdrawn) || hasNewInvites(state) ? invites : invited
}

/** Than it has told the ledger. */
export function hasNewInvites({ intake, invited }: MemberState): boolean {
  return invitesOf(intake).some(
    (one) => !invited.some(({ shard, token }) => shard === one.shard && token === one.token),
  )
}

/** Its load was measured: how many more it may invite until the next time. */
export function growthOf(held: number, { perGiver }: WaveBounds = WAVES): number {
  return Math.max(perGiver, Math.ceil(held * GROWTH_SHARE))
}

/**
 * Invited and not here yet, or here and not live yet. What waits for a lease's time in vain, as for the day's identifies,
 * holds nobody up. An invitation that does not fit the plan any more is withdrawn; its owner may be handing over by then,
 * so it keeps its place for as long as that may take.
 */
function stillOnTheirWay(
  { intake, holdings, options }: MemberState,
  book: Book,
  movable: ReadonlySet<number>,
  wanted: number,
): Map<number, Invitation> {
  const { leases, nowMs } = book
  const still = new Map<number, Invitation>()
  let listed = 0
  for (const [shard, invitation] of intake) {
    const { owner = null, token = 0, changedMs = 0 } = leases.get(shard) ?? {}
    if (owner === options.id) {
      const isWaiting = holdings.get(shard)?.isLive !== true && isArriving(changedMs, book, options.leaseMs)
      if (isWaiting) still.set(shard, { ...invitation, withdrawnMs: changedMs })
    } else if (token > invitation.token) {
      // Nobody can hand it over to us by that invitation any more. A ledger that knows an earlier token, or none, has
      // forgotten this one: its owner writes it in again, and may be handing over by then.
    } else if (token === invitation.token && owner !== null && movable.has(shard) && listed < wanted) {
      listed += 1
      still.set(shard, { ...invitation, withdrawnMs: null })
    } else {
      const withdrawnMs = Math.min(invitation.withdrawnMs ?? nowMs, nowMs)
      if (nowMs - withdrawnMs < WITHDRAWN_LEASES * options.leaseMs) still.set(shard, { ...invitation, withdrawnMs })
    }
  }
  return still
}

/**
 * Whoever has lost its lease invites nobody; what was invited may be on its way. The next answer says when that was at the
 * latest: however long ago the last one came, the ledger may have had a beat of ours that told the invitations once more.
 */
export function withdrawAll(state: MemberState): MemberState {
  const withdrawn = ([shard, invitation]: readonly [number, Invitation]) =>
    [shard, { ...invitation, withdrawnMs: invitation.withdrawnMs ?? Number.POSITIVE_INFINITY }] as const
  return { ...state, intake: new Map([...state.intake].map(withdrawn)) }
}

/** Free shards that it took, what a node that stops has handed over unasked, and what comes to itself under a later token. */
function otherArrivals({ holdings, options }: MemberState, book: Book, intake: MemberState["intake"]): number {
  let count = 0
  for (const [shard, { stage, to, isLive }] of holdings) {
    if (isLive || intake.has(shard)) continue
    const isComing = stage === "serving" && isArriving(book.leases.get(shard)?.changedMs ?? 0, book, options.leaseMs)
    if (isComing || (stage === "drained" && to === options.id)) count += 1
  }
  return count
}

/** Before `claimFrom` nobody starts what it was handed over: until then it does not wait in vain. */
function isArriving(changedMs: number, { nowMs, claimFromMs }: Book, leaseMs: number): boolean {
  return nowMs - Math.max(changedMs, claimFromMs) < leaseMs
}

function onTheirWayFrom(intake: MemberState["intake"], giver: string): number {
  let count = 0
  for (const { from } of intake.values()) if (from === giver) count += 1
  return count
}

/** One wave of what this node has above its share, to those that have invited it. The next one goes when these are gone. */
export function giveWave(state: MemberState, book: Book, { isIdentifying }: Facts): Step {
  const { waves = WAVES } = state.options
  const moves = state.plan?.moves ?? []
  const isGiving = [...state.holdings.values()].some(({ stage }) => stage !== "serving")
  const surplus = new Set(moves.filter(({ from }) => from === state.options.id).map(({ shard }) => shard))
  if (isGiving || surplus.size === 0) return { state, effects: [] }
  const wave: { shard: number; to: string }[] = []
  for (const node of book.nodes) {
    if (node.isDead || node.isDraining) continue
    // No more than the plan gives it by now, though it may have been invited before.
    let wanted = Math.min(moves.filter(({ to }) => to === node.id).length, waves.perGiver - wave.length)
    for (const { shard, token } of node.invites) {
      if (wanted <= 0 || !surplus.has(shard) || isIdentifying(shard)) continue
      if (state.holdings.get(shard)?.token !== token) continue
      surplus.delete(shard)
      wave.push({ shard, to: node.id })
      wanted -= 1
    }
  }
  return drain(state, wave)
}

export function drain(
  state: MemberState,
  shards: readonly { readonly shard: number; readonly to: string | null }[],
): Step {
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
