// The messages of every channel, traffic's and the bot's, with their reactions and pins. Bounded: the oldest are forgotten.

import type { Message } from "../../corpus/message.ts"
import { unknown } from "../api-error.ts"
import { Ring } from "./ring.ts"

export interface Reaction {
  readonly emoji: { readonly id: string | null; readonly name: string | null; readonly animated?: boolean }
  readonly userIds: Set<string>
}

export interface StoredMessage {
  /** As it was sent; replaced by an edit. */
  message: Message
  readonly reactions: Map<string, Reaction>
  pinned: boolean
}

const MAX_MESSAGES = 20_000

export class Messages {
  readonly #messages = new Map<string, StoredMessage>()
  readonly #recent = new Ring<string>(MAX_MESSAGES)
  /** Ids by channel, oldest first. */
  readonly #channels = new Map<string, Set<string>>()

  add(message: Message): void {
    this.#messages.set(message.id, { message, reactions: new Map(), pinned: false })
    const channel = this.#channels.get(message.channel_id)
    if (channel === undefined) this.#channels.set(message.channel_id, new Set([message.id]))
    else channel.add(message.id)
    const oldest = this.#recent.push(message.id)
    const stored = oldest === undefined ? undefined : this.#messages.get(oldest)
    if (stored !== undefined) this.remove(stored.message.channel_id, stored.message.id)
  }

  find(channelId: string, id: string): StoredMessage | undefined {
    const stored = this.#messages.get(id)
    return stored?.message.channel_id === channelId ? stored : undefined
  }

  /** @throws ApiError 10008 */
  get(channelId: string, id: string): StoredMessage {
    const stored = this.find(channelId, id)
    if (stored === undefined) throw unknown("message")
    return stored
  }

  remove(channelId: string, id: string): boolean {
    const channel = this.#channels.get(channelId)
    if (channel === undefined || !channel.delete(id)) return false
    if (channel.size === 0) this.#channels.delete(channelId)
    return this.#messages.delete(id)
  }

  forgetChannel(channelId: string): void {
    for (const id of this.#channels.get(channelId) ?? []) this.#messages.delete(id)
    this.#channels.delete(channelId)
  }

  /** Newest first. */
  of(channelId: string): StoredMessage[] {
    const found: StoredMessage[] = []
    for (const id of this.#channels.get(channelId) ?? []) {
      const stored = this.#messages.get(id)
      if (stored !== undefined) found.push(stored)
    }
    return found.reverse()
  }
}

/** The message as REST shows it: with its reactions. */
export function shown({ message, reactions, pinned }: StoredMessage, botId: string): Message {
  if (reactions.size === 0) return pinned === message["pinned"] ? message : { ...message, pinned }
  const counts = [...reactions.values()].map(({ emoji, userIds }) => ({
    emoji,
    count: userIds.size,
    count_details: { burst: 0, normal: userIds.size },
    burst_colors: [],
    me_burst: false,
    burst_me: false,
    me: userIds.has(botId),
    burst_count: 0,
  }))
  return { ...message, pinned, reactions: counts }
}
