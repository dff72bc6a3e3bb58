// Interactions that were dispatched: who may answer them, whether somebody did, and until when.
// Source: Discord's documentation, Receiving and Responding › Interaction Callback; Followup Messages.

import type { Clock } from "../../../flow/clock.ts"
import { alreadyAcknowledged, unknown } from "../api-error.ts"
import { Ring } from "./ring.ts"

export interface Interaction {
  readonly id: string
  readonly token: string
  readonly type: number
  readonly channelId: string
  readonly guildId: string | null
  /** Who used it; null where the dispatch does not say. */
  readonly user: object | null
  /** The message a component belongs to. */
  readonly messageId: string | null
}

interface Kept {
  readonly interaction: Interaction
  readonly madeMs: number
  /** The type of the callback; undefined until there is one. */
  answered: number | undefined
  /** `@original`. */
  originalId: string | undefined
}

const FIRST_RESPONSE_MS = 3_000
const TOKEN_LIFETIME_MS = 15 * 60_000
const MAX_INTERACTIONS = 100_000

export class Interactions {
  readonly #clock: Clock
  readonly #recent = new Ring<string>(MAX_INTERACTIONS)
  readonly #byToken = new Map<string, Kept>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(interaction: Interaction): void {
    const oldest = this.#recent.push(interaction.token)
    if (oldest !== undefined) this.#byToken.delete(oldest)
    const madeMs = this.#clock.nowMs()
    this.#byToken.set(interaction.token, { interaction, madeMs, answered: undefined, originalId: undefined })
  }

  /**
   * Of a first response, which is still to be taken by `acknowledge`.
   * @throws ApiError 10062 when it comes too late, 40060 when it is not the first.
   */
  unanswered(id: string, token: string): Interaction {
    const kept = this.#byToken.get(token)
    if (kept === undefined || kept.interaction.id !== id) throw unknown("interaction")
    if (kept.answered !== undefined) throw alreadyAcknowledged()
    if (this.#clock.nowMs() - kept.madeMs > FIRST_RESPONSE_MS) throw unknown("interaction")
    return kept.interaction
  }

  /** @param type of the callback */
  acknowledge(token: string, type: number): void {
    const kept = this.#byToken.get(token)
    if (kept !== undefined) kept.answered = type
  }

  /** Of a follow-up. @throws ApiError 10015 when the token is not, or no longer, one. */
  answered(token: string): Interaction {
    const kept = this.#byToken.get(token)
    if (kept === undefined || this.#clock.nowMs() - kept.madeMs > TOKEN_LIFETIME_MS) throw unknown("webhook")
    if (kept.answered === undefined) throw unknown("webhook")
    return kept.interaction
  }

  original(token: string): string | undefined {
    return this.#byToken.get(token)?.originalId
  }

  /** Undefined: there is none any more. */
  setOriginal(token: string, messageId: string | undefined): void {
    const kept = this.#byToken.get(token)
    if (kept !== undefined) kept.originalId = messageId
  }

  /** The type of the first response; undefined while there is none. */
  responseTo(token: string): number | undefined {
    return this.#byToken.get(token)?.answered
  }
}
