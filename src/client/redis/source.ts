// Where the entries of a group member come from: what dead workers left, then what is new.

import { isReply } from "./client.ts"
import type { Entry } from "./entry.ts"
import { newReader, type Reader, type ReaderOptions } from "./reader.ts"

/** After something was given back, dead workers' entries are looked for this soon. */
const RETRY_DELAY_MS = 1_000

export interface ReadLimits {
  /** How long it waits, in milliseconds. */
  readonly blockInterval: number
  /** How many entries it takes. */
  readonly maxChunk: number
}

export interface SourceOptions extends ReaderOptions {
  /** Of one read. */
  readonly limits: ReadLimits
  /** Told of entries that were given out too often. */
  readonly onDead: (entry: Entry) => Promise<void>
}

export class EntrySource {
  readonly #options: SourceOptions
  readonly #reader: Reader
  #events: readonly string[] = []
  /** When to look for what was left over; at once in the beginning. */
  #claimDueMs = 0
  #wake: (() => void) | undefined

  constructor(options: SourceOptions) {
    this.#options = options
    this.#reader = newReader(options)
  }

  get events(): readonly string[] {
    return this.#events
  }

  /** What to read from now on. A read that is waiting ends. */
  follow(events: readonly string[]): void {
    this.#events = events
    this.#reader.follow(events)
    this.#claimDueMs = 0
    this.wake()
  }

  /** Entries, or none after some waiting. */
  async next(): Promise<readonly Entry[]> {
    const events = this.#events
    if (events.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      return []
    }
    try {
      return (await this.#leftOver(events)) ?? (await this.#read(events))
    } catch (error) {
      // Somebody deleted the stream, with its groups.
      if (!isReply(error, "NOGROUP")) throw error
      await this.#options.member.join(events)
      return []
    }
  }

  /** Ends a read that waits. */
  wake(): void {
    this.#wake?.()
    this.#wake = undefined
    this.#reader.wake()
  }

  /** Something was given back. */
  retrySoon(): void {
    this.#claimDueMs = Math.min(this.#claimDueMs, this.#options.clock.nowMs() + RETRY_DELAY_MS)
  }

  /** Whether nothing is read any more of what is not followed: waits for it, within bounds. */
  settled(): Promise<boolean> {
    return this.#reader.settled()
  }

  /** Resolves to entries that were read and never given out. */
  async finish(): Promise<readonly Entry[]> {
    const entries = await this.#reader.finish()
    this.close()
    return entries
  }

  close(): void {
    this.#wake?.()
    this.#reader.close()
  }

  #read(events: readonly string[]): Promise<readonly Entry[]> {
    const { member, limits, clock } = this.#options
    const untilClaimMs = member.claimAfterMs === 0 ? limits.blockInterval : this.#claimDueMs - clock.nowMs()
    return this.#reader.read(events, {
      count: limits.maxChunk,
      // 0 would be for ever.
      blockMs: Math.max(1, Math.ceil(Math.min(limits.blockInterval, untilClaimMs))),
    })
  }

  /** What was left over, where it is time to look and something is there. */
  async #leftOver(events: readonly string[]): Promise<readonly Entry[] | undefined> {
    const { member, limits, clock, onDead } = this.#options
    if (member.claimAfterMs === 0 || clock.nowMs() < this.#claimDueMs) return undefined
    this.#claimDueMs = clock.nowMs() + member.claimAfterMs / 2
    const claims = await Promise.all(events.map((event) => member.claim(event, limits.maxChunk)))
    for (const entry of claims.flatMap(({ dead }) => dead)) await onDead(entry)
    if (claims.some(({ more }) => more)) this.#claimDueMs = 0
    const entries = claims.flatMap((claim) => claim.entries)
    return entries.length > 0 ? entries : undefined
  }
}
