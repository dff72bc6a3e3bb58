// Replies. A reply goes out on the channel `{event}:{entry id}`. The callers of other libraries publish their request before
// they subscribe, and begin to listen a moment after they have, so that a fast reply finds nobody, or somebody who does not
// hear it yet. A caller leaves its channel when it has its reply: until then, it is published again.

import type { Clock } from "../../flow/clock.ts"
import { sleep } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import type { Client } from "./clients.ts"

/** When the caller is looked for, each so long after the time before: 5.4 s in all. Callers wait 5 s unless told otherwise. */
const LOOKS_MS = [5, 15, 45, 135, 405, 1_215, 3_645] as const
/** How long the one who replies waits for that. A caller that is not there by then subscribed before it asked, or is gone. */
const WAIT_MS = 65
/** Callers that are looked for at once, with their replies in memory. */
const MAX_LOOKED_FOR = 10_000

export interface RepliesOptions {
  readonly commands: Client
  readonly clock: Clock
  /** Aborts when the broker closes. */
  readonly closing: AbortSignal
}

export class RedisReplies {
  readonly #options: RepliesOptions
  #lookedFor = 0

  constructor(options: RepliesOptions) {
    this.#options = options
  }

  /**
   * Resolves once the caller has its reply, or has had some time to hear it.
   * @param isListening the caller subscribed before it asked
   * @throws what publishing throws.
   */
  async send(channel: string, body: Buffer, isListening: boolean): Promise<void> {
    if (isListening) return void (await this.#options.commands.publish(channel, body))
    const isThere = (await this.#publish(channel, body)) > 0
    if (this.#lookedFor >= MAX_LOOKED_FOR) return
    await settlesWithin(this.#options.clock, WAIT_MS, this.#publishUntilItLeaves(channel, body, isThere))
  }

  async #publishUntilItLeaves(channel: string, body: Buffer, isThere: boolean): Promise<void> {
    const { clock, closing } = this.#options
    this.#lookedFor += 1
    try {
      let wasThere = isThere
      for (const delayMs of LOOKS_MS) {
        await sleep(clock, delayMs, closing)
        const subscribers = await this.#subscribers(channel)
        if (subscribers === 0 && wasThere) return
        if (subscribers > 0) await this.#publish(channel, body)
        wasThere = subscribers > 0
      }
    } catch {
      // The broker closes, or Redis is gone and the subscription with it.
    } finally {
      this.#lookedFor -= 1
    }
  }

  /** @returns how many subscribe to this very channel; who subscribes to a pattern does so before it asks, and has heard. */
  async #publish(channel: string, body: Buffer): Promise<number> {
    const published = this.#options.commands.publish(channel, body)
    const [subscribers] = await Promise.all([this.#subscribers(channel), published])
    return subscribers
  }

  /** Each server of a cluster knows its own alone, so that somebody may always be there. */
  async #subscribers(channel: string): Promise<number> {
    const { commands } = this.#options
    if (commands.isCluster) return 1
    const reply = await commands.call("PUBSUB", "NUMSUB", channel)
    return Array.isArray(reply) ? Number(reply[1]) : 0
  }
}
