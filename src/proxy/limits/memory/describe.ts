// What an operator and a scrape see of the limiter: counts, and why requests wait.

import type { Ban } from "../ban.ts"
import type { InvalidBudget } from "../invalid-budget.ts"
import { type LimiterReading, PRIORITIES, type Priority } from "../limiter.ts"
import type { TokenLane, TokenLanes } from "./token-lanes.ts"

/** Lanes that are shown: the ones with the longest queues. */
const MAX_SHOWN_LANES = 200
const MAX_SHOWN_TOKENS = 200
/** Of a digest; enough to tell the tokens of one proxy apart. */
const SHOWN_DIGEST_LENGTH = 8

export function read(
  tokens: Iterable<TokenLanes>,
  budget: InvalidBudget,
  bannedUntilMs: number,
  nowMs: number,
): Omit<LimiterReading, "limited"> {
  const queued: Record<Priority, number> = { callback: 0, high: 0, normal: 0, low: 0 }
  let buckets = 0
  let cutOffTokens = 0
  for (const token of tokens) {
    buckets += token.buckets
    if (nowMs < token.cutOffUntilMs) cutOffTokens += 1
    for (const { waiters } of token.waitingLanes) {
      for (const priority of PRIORITIES) queued[priority] += waiters?.count(priority) ?? 0
    }
  }
  return {
    buckets,
    queued,
    invalidLeft: budget.left(nowMs),
    bannedForMs: Math.max(0, bannedUntilMs - nowMs),
    cutOffTokens,
  }
}

export function describeLanes(tokens: Iterable<TokenLanes>, budget: InvalidBudget, ban: Ban, nowMs: number): unknown {
  const all = [...tokens]
  const waiting = all.flatMap(({ waitingLanes }) => [...waitingLanes])
  const longest = waiting.sort((a, b) => (b.waiters?.size ?? 0) - (a.waiters?.size ?? 0)).slice(0, MAX_SHOWN_LANES)
  return {
    bannedForMs: Math.max(0, Math.round(ban.untilMs - nowMs)),
    invalidRequestsLeft: budget.left(nowMs),
    tokens: all.slice(0, MAX_SHOWN_TOKENS).map((token) => ({
      token: shown(token),
      perSecond: token.pace.perSecond,
      pausedForMs: Math.max(0, Math.round(token.pace.blockedUntilMs - nowMs)),
      refusedForMs: Math.max(0, Math.round(token.cutOffUntilMs - nowMs)),
      routes: token.size,
      buckets: token.buckets,
    })),
    waiting: longest.map((lane) => describeLane(lane, ban, nowMs)),
  }
}

function describeLane(lane: TokenLane, ban: Ban, nowMs: number): unknown {
  const { bucket, route, waiters } = lane
  const opensAtMs = Math.max(ban.opensAtMs(nowMs), lane.opensAtMs(nowMs))
  return {
    token: shown(lane.token),
    route: route.template,
    major: route.major,
    queue: waiters?.size ?? 0,
    because: reasonOf(lane, ban, opensAtMs, nowMs),
    opensInMs: Number.isFinite(opensAtMs) ? Math.max(0, Math.round(opensAtMs - nowMs)) : null,
    limit: bucket.limit,
    remaining: bucket.remaining,
    resetInMs: Math.max(0, Math.round(bucket.resetAtMs - nowMs)),
    inFlight: bucket.inFlight,
  }
}

function reasonOf(lane: TokenLane, ban: Ban, opensAtMs: number, nowMs: number): string {
  if (ban.opensAtMs(nowMs) > nowMs) return "a ban of the IP address"
  if (nowMs < lane.blockedUntilMs) return "Discord answered 429 for this route"
  if (opensAtMs <= nowMs) return "the token's global limit"
  return lane.bucket.remaining === null ? "an answer that tells the limit" : "the bucket's reset"
}

/** A digest, cut; requests without a token share one place. */
function shown({ identity }: TokenLanes): string {
  return identity === "" ? "none" : identity.slice(0, SHOWN_DIGEST_LENGTH)
}
