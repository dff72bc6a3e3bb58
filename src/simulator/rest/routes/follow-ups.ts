// Follow-up messages of an interaction: webhook paths with the application's id and the interaction's token.
// Source: Discord's documentation, Receiving and Responding › Followup Messages.

import type { Message } from "../../corpus/message.ts"
import type { Answer } from "../answer.ts"
import { NOTHING, ok } from "../answer.ts"
import { unknown } from "../api-error.ts"
import type { Call } from "../call.ts"
import { deleteMessage, editMessage, sendMessage } from "../compose.ts"
import type { RestContext } from "../context.ts"
import type { MessageBody } from "../message-body.ts"
import type { Place } from "../state/directory.ts"
import type { Interaction } from "../state/interactions.ts"
import { type StoredMessage, shown } from "../state/messages.ts"

const DEFERRED = 5
const ORIGINAL = "@original"

export function isFollowUp(call: Call, { world }: RestContext): boolean {
  return call.text("webhook") === world.bot.id
}

export function sendFollowUp(call: Call, context: RestContext): Answer {
  const interaction = context.interactions.answered(call.text("token"))
  const message = writeResponse(call, context, interaction)
  // After a deferral the first follow-up takes the place of "… is thinking".
  const { token } = interaction
  const isFirst =
    context.interactions.responseTo(token) === DEFERRED && context.interactions.original(token) === undefined
  if (isFirst) context.interactions.setOriginal(token, message.id)
  return ok(message)
}

/** The message of a callback or a follow-up. */
export function writeResponse(call: Call, context: RestContext, interaction: Interaction, body?: MessageBody): Message {
  const { bot } = context.world
  const fields = {
    application_id: bot.id,
    webhook_id: bot.id,
    interaction_metadata: { id: interaction.id, type: interaction.type, user: interaction.user ?? bot },
  }
  return sendMessage(call, context, placeOf(context, interaction), { author: bot, fields }, body)
}

export function getFollowUp(call: Call, context: RestContext): Answer {
  return ok(shown(find(call, context).stored, context.world.bot.id))
}

export function editFollowUp(call: Call, context: RestContext): Answer {
  const interaction = context.interactions.answered(call.text("token"))
  const deferred = context.interactions.responseTo(interaction.token) === DEFERRED
  const isFirst = deferred && context.interactions.original(interaction.token) === undefined
  if (call.text("message") === ORIGINAL && isFirst) return sendFollowUp(call, context)
  const { place, stored } = find(call, context)
  return ok(editMessage(call, context, place, stored))
}

export function deleteFollowUp(call: Call, context: RestContext): Answer {
  const { place, stored } = find(call, context)
  deleteMessage(context, place, stored.message.id)
  if (call.text("message") === ORIGINAL) context.interactions.setOriginal(call.text("token"), undefined)
  return NOTHING
}

function find(call: Call, context: RestContext): { readonly place: Place; readonly stored: StoredMessage } {
  const interaction = context.interactions.answered(call.text("token"))
  const place = placeOf(context, interaction)
  const asked = call.text("message")
  const id = asked === ORIGINAL ? context.interactions.original(interaction.token) : call.id("message")
  if (id === undefined) throw unknown("message")
  return { place, stored: context.messages.get(place.id, id) }
}

/** An interaction may name a channel that is not of the world: a test's. */
function placeOf({ directory }: RestContext, { channelId, guildId }: Interaction): Place {
  try {
    return directory.place(channelId)
  } catch {
    return { id: channelId, type: 0, ...(guildId === null ? {} : { guild_id: guildId }) }
  }
}
