// The identify line in Redis: sends the scripts, and listens for the message that a place has become the first.

import type { Client } from "../../../brokers/redis/clients.ts"
import type { SessionStartLimit } from "../identify-queue.ts"
import { BESIDE_RESERVES, BREAKER, BUDGET_AGE_MS, BUDGET_RETRY } from "../limits.ts"
import { BUSY_MS, HOLD_MS, type IdentifyLine, type LineReply, PLACE_MS, READING_MS } from "./line.ts"
import { identifyScripts, SERVER_CLOCK } from "./scripts.ts"

/** What nobody touches for so long goes away: the places, and all the rest. */
const IDLE_MS = 3_600_000
const DAY_MS = 86_400_000
/** A reset that is due at once would have the budget asked for again and again. */
const LEAST_RESET_MS = 1_000
const STATUSES: readonly LineReply["status"][] = ["open", "read", "reading", "spent"]

const RULES = {
  holdMs: HOLD_MS,
  busyMs: BUSY_MS,
  placeMs: PLACE_MS,
  readingMs: READING_MS,
  postponeMs: BUDGET_RETRY.capMs,
  budgetMs: BUDGET_AGE_MS,
  breakerLimit: BREAKER.limit,
  breakerMs: BREAKER.windowMs,
  besideReserves: BESIDE_RESERVES,
  idleMs: IDLE_MS,
  dayMs: DAY_MS,
} as const

export interface RedisLineOptions {
  readonly commands: Client
  /** A connection that only listens. */
  readonly subscriber: Client
  /** What the keys begin with: the same for every process of a bot, another for each bot. */
  readonly prefix: string
  /** This process in the line; no colon in it. */
  readonly process: string
  /** One of its places may have become the first. */
  readonly onWake: () => void
  /** What the scripts take the time from. */
  readonly clock?: string
}

/** Redis answered what no script of ours answers: something else is kept under our keys. */
export class IdentifyLineError extends Error {
  override readonly name = "IdentifyLineError"
}

export function redisLine(options: RedisLineOptions): IdentifyLine {
  const { commands, subscriber, prefix, process, onWake, clock = SERVER_CLOCK } = options
  const tag = `{${prefix}:identify}`
  const keys = ["state", "line", "seen", "taken"].map((name) => `${tag}:${name}`)
  const channel = `${tag}:wake:`
  const scripts = identifyScripts(clock)
  const run = (script: string, ask: object): Promise<unknown> =>
    commands.eval(script, keys.length, ...keys, JSON.stringify({ ...RULES, process, channel, ...ask }))
  subscriber.on("message", (where: string) => {
    if (where === `${channel}${process}`) onWake()
  })
  // Without the message a place is still looked after in time, so nobody waits for this.
  subscriber.subscribe(`${channel}${process}`).catch(() => {})
  return {
    sync: async (request) => readReply(await run(scripts.sync, request)),
    async budget({ total, remaining, resetAfterMs, maxConcurrency }: SessionStartLimit) {
      const reset = Math.max(LEAST_RESET_MS, resetAfterMs)
      await run(scripts.budget, { total, remaining, resetAfterMs: reset, concurrency: maxConcurrency })
    },
    async postpone(delayMs) {
      await run(scripts.postpone, { delayMs: Math.ceil(delayMs) })
    },
  }
}

function readReply(reply: unknown): LineReply {
  const [status, waitMs, remaining, total, granted, broken]: readonly unknown[] = Array.isArray(reply) ? reply : []
  const known = STATUSES.find((one) => one === status)
  if (known === undefined || typeof waitMs !== "number" || !Array.isArray(granted) || !Array.isArray(broken)) {
    throw new IdentifyLineError(`Redis answered ${JSON.stringify(reply)} where the state of the line was due`)
  }
  const isKnown = typeof remaining === "number" && typeof total === "number" && total >= 0
  return {
    status: known,
    waitMs: waitMs < 0 ? null : waitMs,
    budget: isKnown ? { remaining, total } : null,
    granted: granted.map(String),
    broken: pairs(broken),
  }
}

function pairs(flat: readonly unknown[]): LineReply["broken"] {
  const found: { ticket: string; waitMs: number }[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) found.push({ ticket: String(flat[i]), waitMs: Number(flat[i + 1]) })
  return found
}
