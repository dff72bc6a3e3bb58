// What a session's intents let through, and how much of it.
// Source: Discord's documentation, Gateway › Gateway Intents, Message Content Intent.

import { EVENT_INTENTS, isEventName } from "../../discord/events.ts"
import { hasIntent, type Intent } from "../../discord/intents.ts"

/** An event with any name: tests send names that Discord may add tomorrow. */
export interface AnyDispatch {
  readonly t: string
  readonly d: unknown
}

/** The event as this session sees it, or undefined when its intents do not cover it. */
export function filterByIntents(event: AnyDispatch, intents: number, botId: string): AnyDispatch | undefined {
  const { t, d } = event
  if (!isEventName(t)) return event
  const needed = intentsFor(EVENT_INTENTS[t], d)
  if (needed.length > 0 && !needed.some((intent) => hasIntent(intents, intent))) return undefined
  if (t !== "MESSAGE_CREATE" && t !== "MESSAGE_UPDATE") return event
  return hasIntent(intents, "MESSAGE_CONTENT") || mayReadContent(d, botId) ? event : { t, d: withoutContent(d) }
}

/** Where one intent is for guilds and another for direct messages, only the one that fits counts. */
function intentsFor(intents: readonly Intent[], d: unknown): readonly Intent[] {
  const direct = intents.filter((intent) => intent.startsWith("DIRECT_"))
  if (direct.length === 0) return intents
  return hasGuild(d) ? intents.filter((intent) => !direct.includes(intent)) : direct
}

function hasGuild(d: unknown): boolean {
  return typeof d === "object" && d !== null && "guild_id" in d
}

/** Content is shown without the intent in direct messages, in the bot's own messages, and where it is mentioned. */
function mayReadContent(d: unknown, botId: string): boolean {
  if (typeof d !== "object" || d === null || !hasGuild(d)) return true
  if ("author" in d && idOf(d.author) === botId) return true
  return "mentions" in d && Array.isArray(d.mentions) && d.mentions.some((user) => idOf(user) === botId)
}

function idOf(user: unknown): unknown {
  return typeof user === "object" && user !== null && "id" in user ? user.id : undefined
}

function withoutContent(d: unknown): unknown {
  if (typeof d !== "object" || d === null) return d
  const { poll: _, ...message } = d as { poll?: unknown }
  return { ...message, content: "", embeds: [], attachments: [], components: [] }
}
