// Webhooks, by id. Bounded as Discord bounds them: so many a channel.

import { randomBytes } from "node:crypto"
import type { User } from "../../corpus/user.ts"
import { ApiError, invalidWebhookToken, unknown } from "../api-error.ts"
import type { NewId } from "./ids.ts"

export interface Webhook {
  readonly id: string
  readonly type: 1
  readonly guild_id: string
  readonly channel_id: string
  readonly name: string
  readonly avatar: string | null
  readonly user: User
  readonly token: string
  readonly application_id: string
}

const MAX_A_CHANNEL = 15
const TOKEN_BYTES = 51

export class Webhooks {
  readonly #newId: NewId
  readonly #webhooks = new Map<string, Webhook>()

  constructor(newId: NewId) {
    this.#newId = newId
  }

  /** @throws ApiError 30007 when the channel has all it may have. */
  create(plan: Omit<Webhook, "id" | "type" | "token">): Webhook {
    if (this.of("channel_id", plan.channel_id).length >= MAX_A_CHANNEL)
      throw new ApiError(400, 30007, `Maximum number of webhooks reached (${MAX_A_CHANNEL})`)
    const token = randomBytes(TOKEN_BYTES).toString("base64url")
    const webhook: Webhook = { ...plan, id: this.#newId(), type: 1, token }
    this.#webhooks.set(webhook.id, webhook)
    return webhook
  }

  /** @throws ApiError 10015 */
  get(id: string): Webhook {
    const webhook = this.#webhooks.get(id)
    if (webhook === undefined) throw unknown("webhook")
    return webhook
  }

  /** @throws ApiError 10015 or 50027 */
  withToken(id: string, token: string): Webhook {
    const webhook = this.get(id)
    if (webhook.token !== token) throw invalidWebhookToken()
    return webhook
  }

  of(field: "channel_id" | "guild_id", id: string): readonly Webhook[] {
    return [...this.#webhooks.values()].filter((webhook) => webhook[field] === id)
  }

  replace(webhook: Webhook): void {
    this.#webhooks.set(webhook.id, webhook)
  }

  remove(id: string): void {
    this.#webhooks.delete(id)
  }
}

/** As others than its owner see it. */
export function withoutUser({ user: _, ...webhook }: Webhook): Omit<Webhook, "user"> {
  return webhook
}
