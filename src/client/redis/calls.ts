// Calls over Redis. A reply is published on the channel `{event}:{entry id}`, and the id is known only once the request
// is in the stream, when a fast reply may be out already. So the caller listens to `{event}:*` before it publishes, and
// keeps what comes before its id does.

import type { Clock } from "../../flow/clock.ts"
import { Replies } from "../replies.ts"
import type { RedisClient } from "./client.ts"

/** Replies kept until the ids of our requests are known; most of them are for other callers. */
const MAX_EARLY_REPLIES = 4_096

export class RedisCalls {
  readonly #connect: () => RedisClient
  readonly #replies: Replies<Buffer>
  #connection: RedisClient | undefined
  /** Calls of each pattern. */
  readonly #users = new Map<string, number>()
  /** Requests that are on their way into the stream. */
  #publishing = 0
  readonly #early = new Map<string, Buffer>()
  #closed: Error | undefined

  /** @param connect makes a connection for listening alone, when it is first needed. */
  constructor(connect: () => RedisClient, clock?: Clock) {
    this.#connect = connect
    this.#replies = new Replies(clock)
  }

  /** Publishes by `publish`, which resolves to the entry's id, and resolves to the body of the reply. */
  async call(method: string, publish: () => Promise<string>, timeoutMs: number): Promise<Buffer> {
    if (this.#closed !== undefined) throw this.#closed
    const pattern = `${escapeGlob(method)}:*`
    await this.#listen(pattern)
    try {
      this.#publishing += 1
      const id = await publish().catch((error: unknown) => {
        this.#published()
        throw error
      })
      const channel = `${method}:${id}`
      const early = this.#early.get(channel)
      this.#early.delete(channel)
      this.#published()
      if (early === undefined && this.#closed !== undefined) throw this.#closed
      return early ?? (await this.#replies.wait(method, channel, timeoutMs))
    } finally {
      this.#leave(pattern)
    }
  }

  /** Calls that still wait fail with `reason`. */
  close(reason: Error): void {
    this.#closed = reason
    this.#replies.rejectAll(reason)
    this.#connection?.disconnect(false)
    this.#connection = undefined
  }

  async #listen(pattern: string): Promise<void> {
    this.#users.set(pattern, (this.#users.get(pattern) ?? 0) + 1)
    try {
      // Subscribing twice costs nothing and says when the first one is through.
      await this.#open().psubscribe(pattern)
    } catch (error) {
      this.#leave(pattern)
      throw error
    }
  }

  #leave(pattern: string): void {
    const users = (this.#users.get(pattern) ?? 1) - 1
    if (users > 0) {
      this.#users.set(pattern, users)
      return
    }
    this.#users.delete(pattern)
    // Nobody waits for it: a failure only means that the connection is gone, and the pattern with it.
    this.#connection?.punsubscribe(pattern).catch(() => {})
  }

  #published(): void {
    this.#publishing -= 1
    if (this.#publishing === 0) this.#early.clear()
  }

  #open(): RedisClient {
    if (this.#connection !== undefined) return this.#connection
    const connection = this.#connect()
    connection.on("pmessageBuffer", (_pattern, channel, body) => {
      const name = String(channel)
      if (!Buffer.isBuffer(body)) return
      if (this.#replies.settle(name, body) || this.#publishing === 0) return
      this.#keep(name, body)
    })
    this.#connection = connection
    return connection
  }

  /** The oldest goes first: it is the least likely to be one of ours. */
  #keep(channel: string, body: Buffer): void {
    const [oldest] = this.#early.keys()
    if (oldest !== undefined && this.#early.size >= MAX_EARLY_REPLIES) this.#early.delete(oldest)
    this.#early.set(channel, body)
  }
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, "\\$&")
}
