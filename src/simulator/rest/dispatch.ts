// Between REST and gateway: what a route changes comes out as an event, and what was dispatched can be answered by REST.

import { shardOf } from "../../discord/snowflake.ts"
import type { Message } from "../corpus/message.ts"
import type { AnyDispatch } from "../gateway/intent-filter.ts"
import type { Sessions } from "../gateway/sessions.ts"
import type { Emit, RestContext } from "./context.ts"

/** Dispatches to the sessions whose shard the event's guild is on; without a guild it is shard 0. */
export function emitTo(sessions: Sessions): Emit {
  return (t, d) => {
    const guildId = "guild_id" in d ? String(d.guild_id) : undefined
    for (const session of sessions.live()) {
      const { shard, shardCount } = session.plan
      if (shard === (guildId === undefined ? 0 : shardOf(guildId, shardCount))) session.dispatch({ t, d })
    }
  }
}

/** Remembers a message or an interaction that traffic or a test made, so that a bot can answer it. */
export function remember({ t, d }: AnyDispatch, { messages, interactions }: RestContext): void {
  if (t === "MESSAGE_CREATE" && isMessage(d)) messages.add(d)
  if (t === "INTERACTION_CREATE" && isInteraction(d))
    interactions.add({
      id: d.id,
      token: d.token,
      type: d.type,
      channelId: d.channel_id ?? "0",
      guildId: d.guild_id ?? null,
      user: d.member?.user ?? d.user ?? null,
      messageId: d.message?.id ?? null,
    })
}

interface InteractionShape {
  readonly id: string
  readonly token: string
  readonly type: number
  readonly channel_id?: string
  readonly guild_id?: string
  readonly user?: object
  readonly member?: { readonly user?: object }
  readonly message?: { readonly id: string }
}

function isMessage(d: unknown): d is Message {
  return hasText(d, "id") && hasText(d, "channel_id") && "author" in d && "attachments" in d
}

function isInteraction(d: unknown): d is InteractionShape {
  return hasText(d, "id") && hasText(d, "token") && "type" in d && typeof d.type === "number"
}

function hasText<K extends string>(d: unknown, key: K): d is Record<K, string> {
  return typeof d === "object" && d !== null && typeof (d as Record<string, unknown>)[key] === "string"
}
