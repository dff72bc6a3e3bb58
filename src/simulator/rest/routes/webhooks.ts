// Webhooks: made and changed by the bot, run and read by whoever has their token. The same paths with an application's id
// and an interaction's token are its follow-ups, which interactions.ts answers.
// Source: Discord's documentation, Webhook Resource.

import { z } from "zod"
import type { Answer } from "../answer.ts"
import { NOTHING, ok } from "../answer.ts"
import { unknown } from "../api-error.ts"
import type { Call } from "../call.ts"
import { deleteMessage, editMessage, sendMessage, type Writer } from "../compose.ts"
import type { RestContext } from "../context.ts"
import { messageBody } from "../message-body.ts"
import { type Route, route } from "../route.ts"
import { type StoredMessage, shown } from "../state/messages.ts"
import { type Webhook, withoutUser } from "../state/webhooks.ts"
import { deleteFollowUp, editFollowUp, getFollowUp, isFollowUp, sendFollowUp } from "./follow-ups.ts"

const createBody = z.looseObject({ name: z.string().min(1).max(80), avatar: z.string().nullish() })
const changeBody = z.looseObject({ name: z.string().min(1).max(80).optional(), channel_id: z.string().optional() })
const runBody = messageBody.extend({
  username: z.string().min(1).max(80).optional(),
  avatar_url: z.string().optional(),
})
const MESSAGE = "/webhooks/:webhook/:token/messages/:message"

export const webhookRoutes: readonly Route[] = [
  route("POST /channels/:channel/webhooks", create),
  route("GET /channels/:channel/webhooks", (call, { directory, webhooks }) =>
    ok(webhooks.of("channel_id", directory.place(call.id("channel")).id)),
  ),
  route("GET /guilds/:guild/webhooks", (call, { directory, webhooks }) =>
    ok(webhooks.of("guild_id", directory.guild(call.id("guild")).id)),
  ),
  route("GET /webhooks/:webhook", (call, { webhooks }) => ok(webhooks.get(call.id("webhook")))),
  route("PATCH /webhooks/:webhook", (call, context) =>
    ok(change(call, context, context.webhooks.get(call.id("webhook")))),
  ),
  route("DELETE /webhooks/:webhook", (call, context) => remove(context, context.webhooks.get(call.id("webhook")))),
  route("GET /webhooks/:webhook/:token", (call, context) => ok(withoutUser(byToken(call, context))), "open"),
  route(
    "PATCH /webhooks/:webhook/:token",
    (call, context) => ok(withoutUser(change(call, context, byToken(call, context)))),
    "open",
  ),
  route("DELETE /webhooks/:webhook/:token", (call, context) => remove(context, byToken(call, context)), "open"),
  route("POST /webhooks/:webhook/:token", run, "open"),
  route(
    `GET ${MESSAGE}`,
    (call, context) =>
      isFollowUp(call, context) ? getFollowUp(call, context) : ok(shown(own(call, context), context.world.bot.id)),
    "open",
  ),
  route(
    `PATCH ${MESSAGE}`,
    (call, context) => {
      if (isFollowUp(call, context)) return editFollowUp(call, context)
      const place = context.directory.place(byToken(call, context).channel_id)
      return ok(editMessage(call, context, place, own(call, context)))
    },
    "open",
  ),
  route(
    `DELETE ${MESSAGE}`,
    (call, context) => {
      if (isFollowUp(call, context)) return deleteFollowUp(call, context)
      const place = context.directory.place(byToken(call, context).channel_id)
      deleteMessage(context, place, own(call, context).message.id)
      return NOTHING
    },
    "open",
  ),
]

function create(call: Call, { directory, webhooks, world, emit }: RestContext): Answer {
  const place = directory.messagePlace(call.id("channel"))
  const guild = directory.guild(place.guild_id ?? "")
  const { name } = call.json(createBody)
  const webhook = webhooks.create({
    guild_id: guild.id,
    channel_id: place.id,
    name,
    avatar: null,
    user: world.bot,
    application_id: world.bot.id,
  })
  emit("WEBHOOKS_UPDATE", { guild_id: guild.id, channel_id: place.id })
  return ok(webhook)
}

function change(call: Call, { directory, webhooks, emit }: RestContext, webhook: Webhook): Webhook {
  const { name = webhook.name, channel_id = webhook.channel_id } = call.json(changeBody)
  const changed = { ...webhook, name, channel_id: directory.messagePlace(channel_id).id }
  webhooks.replace(changed)
  emit("WEBHOOKS_UPDATE", { guild_id: webhook.guild_id, channel_id })
  return changed
}

function remove({ webhooks, emit }: RestContext, { id, guild_id, channel_id }: Webhook): Answer {
  webhooks.remove(id)
  emit("WEBHOOKS_UPDATE", { guild_id, channel_id })
  return NOTHING
}

function run(call: Call, context: RestContext): Answer {
  if (isFollowUp(call, context)) return sendFollowUp(call, context)
  const webhook = byToken(call, context)
  const { username, avatar_url: _, ...body } = call.json(runBody)
  const writer: Writer = {
    author: { id: webhook.id, username: username ?? webhook.name, avatar: null, bot: true, discriminator: "0000" },
    fields: { webhook_id: webhook.id },
  }
  const message = sendMessage(call, context, context.directory.place(webhook.channel_id), writer, body)
  return call.query().get("wait") === "true" ? ok(message) : NOTHING
}

function byToken(call: Call, { webhooks }: RestContext): Webhook {
  return webhooks.withToken(call.id("webhook"), call.text("token"))
}

/** A webhook sees the messages that it wrote itself. */
function own(call: Call, context: RestContext): StoredMessage {
  const webhook = byToken(call, context)
  const stored = context.messages.get(webhook.channel_id, call.id("message"))
  if (stored.message["webhook_id"] !== webhook.id) throw unknown("message")
  return stored
}
