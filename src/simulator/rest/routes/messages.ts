// Messages of a channel: read, send, edit, delete, pin.
// Source: Discord's documentation, Message Resource.

import { z } from "zod"
import { snowflakeTimeMs } from "../../../discord/snowflake.ts"
import type { Answer } from "../answer.ts"
import { NOTHING, ok } from "../answer.ts"
import { ApiError, notYourMessage } from "../api-error.ts"
import type { Call } from "../call.ts"
import { deleteMessage, editMessage, guildIdOf, sendMessage } from "../compose.ts"
import type { RestContext } from "../context.ts"
import { type Route, route } from "../route.ts"
import { shown } from "../state/messages.ts"

const TWO_WEEKS_MS = 14 * 86_400_000
const MAX_PINS = 250
const SEARCH_PAGE = 25
const INDEXING_SECONDS = 2

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  before: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional(),
  after: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional(),
  around: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional(),
})
const bulkBody = z.object({
  messages: z
    .array(z.string().regex(/^\d{1,20}$/))
    .min(2)
    .max(100),
})

export const messageRoutes: readonly Route[] = [
  route("GET /channels/:channel/messages", list),
  route("GET /channels/:channel/messages/:message", (call, { directory, messages, world }) => {
    const place = directory.messagePlace(call.id("channel"))
    return ok(shown(messages.get(place.id, call.id("message")), world.bot.id))
  }),
  route("POST /channels/:channel/messages", (call, context) => {
    const place = context.directory.messagePlace(call.id("channel"))
    return ok(sendMessage(call, context, place, { author: context.world.bot }))
  }),
  route("PATCH /channels/:channel/messages/:message", (call, context) => {
    const place = context.directory.messagePlace(call.id("channel"))
    const stored = context.messages.get(place.id, call.id("message"))
    if (stored.message.author.id !== context.world.bot.id) throw notYourMessage()
    return ok(editMessage(call, context, place, stored))
  }),
  route("DELETE /channels/:channel/messages/:message", (call, context) => {
    deleteMessage(context, context.directory.messagePlace(call.id("channel")), call.id("message"))
    return NOTHING
  }),
  route("POST /channels/:channel/messages/bulk-delete", bulkDelete),
  route("GET /guilds/:guild/messages/search", search),
  route("POST /channels/:channel/messages/:message/crosspost", (call, { directory, messages, world }) => {
    const place = directory.messagePlace(call.id("channel"))
    return ok(shown(messages.get(place.id, call.id("message")), world.bot.id))
  }),
  route("POST /channels/:channel/typing", (call, { directory, emit, world, clock }) => {
    const place = directory.messagePlace(call.id("channel"))
    const timestamp = Math.floor(clock.wallMs() / 1000)
    emit("TYPING_START", { channel_id: place.id, user_id: world.bot.id, timestamp, ...guildIdOf(place) })
    return NOTHING
  }),
  route("GET /channels/:channel/messages/pins", (call, context) => ok({ items: pins(call, context), has_more: false })),
  route("GET /channels/:channel/pins", (call, context) => ok(pins(call, context).map(({ message }) => message))),
  route("PUT /channels/:channel/messages/pins/:message", (call, context) => pin(call, context, true)),
  route("DELETE /channels/:channel/messages/pins/:message", (call, context) => pin(call, context, false)),
  route("PUT /channels/:channel/pins/:message", (call, context) => pin(call, context, true)),
  route("DELETE /channels/:channel/pins/:message", (call, context) => pin(call, context, false)),
]

function list(call: Call, { directory, messages, world }: RestContext): Answer {
  const place = directory.messagePlace(call.id("channel"))
  const { limit, before, after, around } = call.parameters(listQuery)
  let found = messages.of(place.id)
  if (before !== undefined) found = found.filter(({ message }) => BigInt(message.id) < BigInt(before))
  if (after !== undefined) found = found.filter(({ message }) => BigInt(message.id) > BigInt(after)).slice(-limit)
  if (around !== undefined) {
    const middle = found.findIndex(({ message }) => BigInt(message.id) <= BigInt(around))
    found = found.slice(Math.max(0, middle - (limit >> 1)))
  }
  return ok(found.slice(0, limit).map((stored) => shown(stored, world.bot.id)))
}

/** A guild that was never searched is indexed first: 202, try again. */
function search(call: Call, { directory, messages, searched, world }: RestContext): Answer {
  const guild = directory.guild(call.id("guild"))
  if (!searched.has(guild.id)) {
    searched.add(guild.id)
    const message = "Index not yet available. Try again later"
    return ok({ message, code: 110_000, documents_indexed: 0, retry_after: INDEXING_SECONDS }, 202)
  }
  const content = call.query().get("content") ?? ""
  const found = guild.channels
    .flatMap(({ id }) => messages.of(id))
    .filter(({ message }) => message.content.includes(content))
  const page = found.slice(0, SEARCH_PAGE).map((stored) => [shown(stored, world.bot.id)])
  return ok({ doing_deep_historical_index: false, total_results: found.length, messages: page })
}

function bulkDelete(call: Call, { directory, messages, clock, emit }: RestContext): Answer {
  const place = directory.messagePlace(call.id("channel"))
  const { messages: ids } = call.json(bulkBody)
  if (ids.some((id) => clock.wallMs() - snowflakeTimeMs(id) > TWO_WEEKS_MS))
    throw new ApiError(400, 50034, "A message provided was too old to bulk delete")
  const removed = ids.filter((id) => messages.remove(place.id, id))
  if (removed.length > 0) emit("MESSAGE_DELETE_BULK", { ids: removed, channel_id: place.id, ...guildIdOf(place) })
  return NOTHING
}

function pins(call: Call, { directory, messages, world }: RestContext) {
  const place = directory.messagePlace(call.id("channel"))
  return messages
    .of(place.id)
    .filter(({ pinned }) => pinned)
    .map((stored) => ({ pinned_at: stored.message["timestamp"], message: shown(stored, world.bot.id) }))
}

function pin(call: Call, { directory, messages, emit }: RestContext, pinned: boolean): Answer {
  const place = directory.messagePlace(call.id("channel"))
  const stored = messages.get(place.id, call.id("message"))
  if (pinned && messages.of(place.id).filter((other) => other.pinned).length >= MAX_PINS)
    throw new ApiError(400, 30003, `Maximum number of pins reached for the channel (${MAX_PINS})`)
  stored.pinned = pinned
  const last_pin_timestamp = pinned ? stored.message["timestamp"] : null
  emit("CHANNEL_PINS_UPDATE", { channel_id: place.id, last_pin_timestamp, ...guildIdOf(place) })
  return NOTHING
}
