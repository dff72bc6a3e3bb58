// Writes sessions to their store: the latest of each shard, at most every 250 ms, one write at a time.

import type { Clock } from "../../flow/clock.ts"
import type { Session, SessionStore } from "./session.ts"

export const SAVE_INTERVAL_MS = 250
/** After a failed write. */
const RETRY_MS = 1_000

export interface SessionSaverOptions {
  readonly store: SessionStore
  readonly clock: Clock
  /** The write will be tried again. */
  readonly onError: (error: unknown) => void
}

export class SessionSaver {
  readonly #store: SessionStore
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  /** The latest of each shard; null: to be dropped. At most one entry a shard. */
  readonly #dirty = new Map<number, Session | null>()
  #writing: Promise<void> | null = null
  #scheduled = false
  #closed = false

  constructor({ store, clock, onError }: SessionSaverOptions) {
    this.#store = store
    this.#clock = clock
    this.#onError = onError
  }

  save(session: Session): void {
    this.#dirty.set(session.shard, session)
    this.#schedule(SAVE_INTERVAL_MS)
  }

  drop(shard: number): void {
    this.#dirty.set(shard, null)
    this.#schedule(SAVE_INTERVAL_MS)
  }

  /** Writes what is left, once, and takes no more. Rejects when that write fails. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#writing
    await this.#write()
  }

  /** Writes nothing more: the shard is another process's. */
  abandon(): void {
    this.#closed = true
    this.#dirty.clear()
  }

  #schedule(delayMs: number): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    this.#clock.after(delayMs, () => {
      if (this.#closed) return
      this.#writing = this.#writeOrRetry()
    })
  }

  async #writeOrRetry(): Promise<void> {
    let retryMs = SAVE_INTERVAL_MS
    try {
      await this.#write()
    } catch (error) {
      retryMs = RETRY_MS
      this.#onError(error)
    }
    this.#scheduled = false
    this.#writing = null
    if (this.#dirty.size > 0) this.#schedule(retryMs)
  }

  async #write(): Promise<void> {
    if (this.#dirty.size === 0) return
    const batch = new Map(this.#dirty)
    this.#dirty.clear()
    try {
      const sessions = [...batch.values()].filter((session) => session !== null)
      if (sessions.length > 0) await this.#store.save(sessions)
      for (const [shard, session] of batch) if (session === null) await this.#store.drop(shard)
    } catch (error) {
      for (const [shard, session] of batch) if (!this.#dirty.has(shard)) this.#dirty.set(shard, session)
      throw error
    }
  }
}
