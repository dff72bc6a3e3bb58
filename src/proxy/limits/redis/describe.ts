// What an operator and a scrape see of the limiter: counts, and why requests of this process wait.

import { type LimiterReading, PRIORITIES, type Priority } from "../limiter.ts"
import type { SharedLane, SharedToken } from "./token.ts"

/** Lanes that are shown: the ones with the longest queues. */
const MAX_SHOWN_LANES = 200
const MAX_SHOWN_TOKENS = 200
/** Of a digest; enough to tell the tokens of one proxy apart. */
const SHOWN_DIGEST_LENGTH = 8

export function read(
  tokens: Iterable<SharedToken>,
  nowMs: number,
): Pick<LimiterReading, "buckets" | "queued" | "cutOffTokens"> {
  const queued: Record<Priority, number> = { callback: 0, high: 0, normal: 0, low: 0 }
  let buckets = 0
  let cutOffTokens = 0
  for (const token of tokens) {
    buckets += token.size
    if (nowMs < token.refusedUntilMs) cutOffTokens += 1
    for (const { waiters } of token.waiting)
      for (const priority of PRIORITIES) queued[priority] += waiters.count(priority)
  }
  return { buckets, queued, cutOffTokens }
}

export function describe(tokens: Iterable<SharedToken>, nowMs: number) {
  const all = [...tokens]
  const waiting = all.flatMap((token) => [...token.waiting])
  return {
    tokens: all.slice(0, MAX_SHOWN_TOKENS).map((token) => ({
      token: shown(token),
      perSecond: token.perSecond,
      pausedForMs: Math.max(0, Math.round(token.blockedUntilMs - nowMs)),
      refusedForMs: Math.max(0, Math.round(token.refusedUntilMs - nowMs)),
      routes: token.size,
    })),
    waiting: waiting
      .sort((a, b) => b.waiters.size - a.waiters.size)
      .slice(0, MAX_SHOWN_LANES)
      .map((lane) => describeLane(lane, nowMs)),
  }
}

function describeLane(lane: SharedLane, nowMs: number) {
  const { route, token, waiters } = lane
  const known = lane.known(nowMs)
  return {
    token: shown(token),
    route: route.template,
    major: route.major,
    queue: waiters.size,
    because: reasonOf(lane, nowMs),
    opensInMs: lane.waitsForAnswer ? null : Math.round(lane.opensAtMs(nowMs) - nowMs),
    limit: known?.isTold === true ? known.limit : null,
    remaining: known?.isTold === true ? known.remaining : null,
    resetInMs: Math.round(known?.resetInMs ?? 0),
    inFlight: known?.inFlight ?? lane.held.size,
  }
}

function reasonOf(lane: SharedLane, nowMs: number): string {
  if (nowMs < lane.blockedUntilMs) return "Discord answered 429 for this route"
  if (lane.waitsForAnswer) return "an answer that tells the limit, to this instance or another"
  return lane.askAtMs > nowMs ? "the bucket's reset" : "the token's global limit"
}

/** A digest, cut; requests without a token share one place. */
function shown({ options: { identity } }: SharedToken): string {
  return identity === "" ? "none" : identity.slice(0, SHOWN_DIGEST_LENGTH)
}
