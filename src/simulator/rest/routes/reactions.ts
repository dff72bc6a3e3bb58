// Reactions to a message.
// Source: Discord's documentation, Message Resource › Create Reaction and the following.

import type { Answer } from "../answer.ts"
import { NOTHING, ok } from "../answer.ts"
import { unknown } from "../api-error.ts"
import type { Call } from "../call.ts"
import { guildIdOf } from "../compose.ts"
import type { RestContext } from "../context.ts"
import { type Route, route } from "../route.ts"
import type { Place } from "../state/directory.ts"
import type { Reaction, StoredMessage } from "../state/messages.ts"

const MESSAGE = "/channels/:channel/messages/:message/reactions"

export const reactionRoutes: readonly Route[] = [
  route(`PUT ${MESSAGE}/:emoji/@me`, add),
  route(`DELETE ${MESSAGE}/:emoji/@me`, (call, context) => remove(call, context, context.world.bot.id)),
  route(`DELETE ${MESSAGE}/:emoji/:user`, (call, context) => remove(call, context, call.id("user"))),
  route(`GET ${MESSAGE}/:emoji`, (call, context) => {
    const { stored } = target(call, context)
    const ids = stored.reactions.get(emojiKey(call.text("emoji")))?.userIds ?? []
    return ok([...ids].map((id) => context.directory.user(id)))
  }),
  route(`DELETE ${MESSAGE}/:emoji`, (call, context) => {
    const { place, stored, event } = target(call, context)
    const key = emojiKey(call.text("emoji"))
    const { emoji } = stored.reactions.get(key) ?? { emoji: emojiOf(call.text("emoji"), context, place) }
    stored.reactions.delete(key)
    context.emit("MESSAGE_REACTION_REMOVE_EMOJI", { ...event, emoji })
    return NOTHING
  }),
  route(`DELETE ${MESSAGE}`, (call, context) => {
    const { stored, event } = target(call, context)
    stored.reactions.clear()
    context.emit("MESSAGE_REACTION_REMOVE_ALL", event)
    return NOTHING
  }),
]

function add(call: Call, context: RestContext): Answer {
  const { place, stored, event } = target(call, context)
  const { bot } = context.world
  const key = emojiKey(call.text("emoji"))
  const reaction = stored.reactions.get(key) ?? {
    emoji: emojiOf(call.text("emoji"), context, place),
    userIds: new Set<string>(),
  }
  stored.reactions.set(key, reaction)
  if (reaction.userIds.has(bot.id)) return NOTHING
  reaction.userIds.add(bot.id)
  const guild = place.guild_id === undefined ? undefined : context.world.guild(place.guild_id)
  const member = guild?.members.find(({ user }) => user.id === bot.id)
  context.emit("MESSAGE_REACTION_ADD", {
    ...event,
    ...eventEmoji(reaction, bot.id),
    message_author_id: stored.message.author.id,
    ...(member === undefined ? {} : { member }),
  })
  return NOTHING
}

function remove(call: Call, context: RestContext, userId: string): Answer {
  const { stored, event } = target(call, context)
  const key = emojiKey(call.text("emoji"))
  const reaction = stored.reactions.get(key)
  if (reaction === undefined || !reaction.userIds.delete(userId)) return NOTHING
  if (reaction.userIds.size === 0) stored.reactions.delete(key)
  context.emit("MESSAGE_REACTION_REMOVE", { ...event, ...eventEmoji(reaction, userId) })
  return NOTHING
}

function target(
  call: Call,
  { directory, messages }: RestContext,
): { place: Place; stored: StoredMessage; event: object } {
  const place = directory.messagePlace(call.id("channel"))
  const stored = messages.get(place.id, call.id("message"))
  return { place, stored, event: { channel_id: place.id, message_id: stored.message.id, ...guildIdOf(place) } }
}

function eventEmoji({ emoji }: Reaction, userId: string): object {
  return { user_id: userId, emoji, burst: false, type: 0 }
}

/** `name:id` of a custom emoji, the characters themselves of another. */
function emojiKey(text: string): string {
  return /:(\d{1,20})$/.exec(text)?.[1] ?? text
}

/** @throws ApiError 10014 for what is neither a custom emoji of the guild nor one character. */
function emojiOf(text: string, { world }: RestContext, { guild_id }: Place): Reaction["emoji"] {
  const id = /^(?:a:)?[\w-]*:(\d{1,20})$/.exec(text)?.[1]
  if (id === undefined) {
    if (text === "" || /^[\x20-\x7e]{2,}$/.test(text)) throw unknown("emoji")
    return { id: null, name: text }
  }
  const emoji = guild_id === undefined ? undefined : world.guild(guild_id)?.emojis.find((one) => one.id === id)
  if (emoji === undefined) throw unknown("emoji")
  return { id, name: emoji.name, animated: emoji.animated }
}
