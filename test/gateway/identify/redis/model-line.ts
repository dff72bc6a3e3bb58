// The identify line in memory, step for step what scripts.ts does in Redis; differential.test.ts holds the two together.

import type { SessionStartLimit } from "../../../../src/gateway/identify/identify-queue.ts"
import { BREAKER, BUDGET_AGE_MS, BUDGET_RETRY } from "../../../../src/gateway/identify/limits.ts"
import {
  BUSY_MS,
  HOLD_MS,
  type LineReply,
  type LineRequest,
  PLACE_MS,
  READING_MS,
} from "../../../../src/gateway/identify/redis/line.ts"

const LEAST_RESET_MS = 1_000

interface State {
  run: string
  openMs: number
  concurrency: number | null
  total: number | null
  left: number | null
  readMs: number | null
  resetsMs: number
  readingMs: number
  reader: string | null
  readonly busyMs: Map<number, number>
  readonly holders: Map<number, string>
  /** Ticket → key. */
  readonly line: Map<string, number>
  /** Ticket → when it lapses. */
  readonly seen: Map<string, number>
  readonly taken: Map<number, number[]>
}

function empty(): State {
  return {
    run: "",
    openMs: 0,
    concurrency: null,
    total: null,
    left: null,
    readMs: null,
    resetsMs: 0,
    readingMs: 0,
    reader: null,
    busyMs: new Map(),
    holders: new Map(),
    line: new Map(),
    seen: new Map(),
    taken: new Map(),
  }
}

const placeOf = (ticket: string) => Number(ticket.split(":")[0])
const shardOf = (ticket: string) => Number(ticket.split(":")[3] ?? placeOf(ticket))
const processOf = (ticket: string) => ticket.split(":")[1] ?? ""

export class ModelLine {
  /** The server has just started, or was a replica. */
  mayForget = false
  #state = empty()
  readonly #onWake: (process: string) => void

  constructor(onWake: (process: string) => void) {
    this.#onWake = onWake
  }

  /** What a replica or a file has of it. */
  copy(): unknown {
    return structuredClone(this.#state)
  }

  /** Another server goes on from an earlier copy, or from nothing. */
  restore(copy: unknown): void {
    this.#state = copy === null ? empty() : (structuredClone(copy) as State)
  }

  sync(now: number, run: string, process: string, ask: LineRequest): LineReply {
    const state = this.#state
    if (state.run !== run) {
      state.openMs = state.run !== "" || this.mayForget ? now + HOLD_MS : now
      state.run = run
      state.readMs = null
      state.readingMs = 0
      state.reader = null
    }
    const changed = this.#settle(now, ask)
    const broken = this.#place(now, ask)
    const granted: string[] = []
    let waitMs: number | null = null
    const sooner = (ms: number) => {
      waitMs = Math.min(waitMs ?? Number.POSITIVE_INFINITY, Math.max(1, ms))
    }
    let status: LineReply["status"] = "open"
    const { readMs, resetsMs, concurrency } = state
    const isRead = readMs !== null && now >= readMs && now < readMs + BUDGET_AGE_MS && now < resetsMs
    if (ask.waiting.length > 0 && !isRead) {
      const isOther = state.reader !== process
      if (isOther && state.readingMs > now && state.readingMs <= now + READING_MS + BUDGET_RETRY.capMs) {
        status = "reading"
        sooner(state.readingMs - now)
      } else {
        status = "read"
        state.readingMs = now + READING_MS
        state.reader = process
      }
    } else if (concurrency !== null && state.left !== null) {
      for (const ticket of ask.waiting) {
        const key = shardOf(ticket) % concurrency
        const reserve = ticket.endsWith(":beside") ? 2 * ask.reserve : ask.reserve
        if (state.left <= reserve) {
          status = "spent"
          sooner(resetsMs - now)
          continue
        }
        if (this.#first(now, key) !== ticket) continue
        const openMs = Math.min(state.openMs, now + HOLD_MS)
        const freeMs = Math.max(openMs, Math.min(state.busyMs.get(key) ?? 0, now + HOLD_MS))
        if (freeMs > now) sooner(freeMs - now)
        else {
          this.#grant(now, key, ticket)
          granted.push(ticket)
        }
      }
    }
    for (const key of changed) this.#wake(now, key, process)
    const { left, total } = state
    const budget = left === null || total === null ? null : { remaining: left, total }
    return { status, waitMs, budget, granted, broken }
  }

  budget(now: number, process: string, limit: SessionStartLimit): void {
    const state = this.#state
    if (state.reader !== process) return
    let left = limit.remaining
    for (const key of state.holders.keys()) if ((state.busyMs.get(key) ?? 0) > now) left -= 1
    if (state.concurrency !== null && state.concurrency !== limit.maxConcurrency) {
      state.holders.clear()
      state.busyMs.clear()
      state.openMs = now + HOLD_MS
      state.line.clear()
    }
    state.concurrency = limit.maxConcurrency
    state.total = limit.total
    state.left = Math.max(0, left)
    state.readMs = now
    state.resetsMs = now + Math.max(LEAST_RESET_MS, limit.resetAfterMs)
    state.readingMs = 0
    state.reader = null
    for (let key = 0; key < limit.maxConcurrency; key += 1) this.#wake(now, key, process)
  }

  postpone(now: number, process: string, delayMs: number): void {
    if (this.#state.reader !== process) return
    this.#state.readingMs = now + Math.ceil(delayMs)
    this.#state.reader = ""
  }

  /** Those that identified, and those that left. */
  #settle(now: number, { used, gone }: LineRequest): ReadonlySet<number> {
    const state = this.#state
    const changed = new Set<number>()
    const keyOf = (ticket: string) => (state.concurrency === null ? null : shardOf(ticket) % state.concurrency)
    const release = (ticket: string, busyMs: number): boolean => {
      const key = keyOf(ticket)
      if (key === null || state.holders.get(key) !== ticket) return false
      state.holders.delete(key)
      state.busyMs.set(key, busyMs)
      changed.add(key)
      return true
    }
    for (const ticket of used) release(ticket, now + BUSY_MS)
    for (const ticket of gone) {
      const place = placeOf(ticket)
      if (release(ticket, now)) state.taken.set(place, this.#identifies(now, place).slice(0, -1))
      const key = keyOf(ticket)
      if (key !== null) changed.add(key)
      state.line.delete(ticket)
      state.seen.delete(ticket)
    }
    return changed
  }

  #place(now: number, { waiting }: LineRequest): { ticket: string; waitMs: number }[] {
    const state = this.#state
    const broken: { ticket: string; waitMs: number }[] = []
    for (const ticket of waiting) {
      const times = this.#identifies(now, placeOf(ticket))
      const oldestMs = times.at(-BREAKER.limit)
      if (oldestMs !== undefined) {
        broken.push({ ticket, waitMs: oldestMs + BREAKER.windowMs - now })
        state.line.delete(ticket)
        state.seen.delete(ticket)
        continue
      }
      state.seen.set(ticket, now + PLACE_MS)
      if (state.concurrency !== null) state.line.set(ticket, shardOf(ticket) % state.concurrency)
    }
    return broken
  }

  #grant(now: number, key: number, ticket: string): void {
    const state = this.#state
    state.left = (state.left ?? 0) - 1
    state.busyMs.set(key, now + HOLD_MS)
    state.holders.set(key, ticket)
    state.line.delete(ticket)
    state.seen.delete(ticket)
    this.#state.taken.set(placeOf(ticket), [...this.#identifies(now, placeOf(ticket)), now])
  }

  /** The last ones of a shard that the breaker still counts. */
  #identifies(now: number, shard: number): number[] {
    return (this.#state.taken.get(shard) ?? []).filter((at) => at > now - BREAKER.windowMs && at <= now)
  }

  #first(now: number, key: number): string | null {
    const { line, seen } = this.#state
    for (;;) {
      let first: string | null = null
      for (const [ticket, at] of line) {
        if (at === key && (first === null || isBefore(ticket, first))) first = ticket
      }
      if (first === null) return null
      const lapsesMs = seen.get(first)
      if (lapsesMs !== undefined && lapsesMs >= now && lapsesMs <= now + PLACE_MS) return first
      line.delete(first)
      seen.delete(first)
    }
  }

  #wake(now: number, key: number, by: string): void {
    const first = this.#first(now, key)
    if (first !== null && processOf(first) !== by) this.#onWake(processOf(first))
  }
}

function isBefore(ticket: string, other: string): boolean {
  const shards = placeOf(ticket) - placeOf(other)
  return shards === 0 ? ticket < other : shards < 0
}
