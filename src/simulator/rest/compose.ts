// Messages that a bot writes, edits and deletes: the message object that comes of a body, and its events.
// Source: Discord's documentation, Message Resource › Create Message.

import { timestamp } from "../corpus/ids.ts"
import type { Message } from "../corpus/message.ts"
import { partialMember } from "../corpus/user.ts"
import { emptyMessage, invalidField } from "./api-error.ts"
import type { Call } from "./call.ts"
import type { RestContext } from "./context.ts"
import { checkEmbeds, isEmpty, type MessageBody, messageBody } from "./message-body.ts"
import type { Place } from "./state/directory.ts"
import { type StoredMessage, shown } from "./state/messages.ts"

const EPHEMERAL = 1 << 6

/** Who writes: fields of the message that differ between bot, webhook and interaction. */
export interface Writer {
  readonly author: object
  readonly fields?: object
}

/** Reads the message of a call, keeps its files, stores it and dispatches MESSAGE_CREATE. */
export function sendMessage(
  call: Call,
  context: RestContext,
  place: Place,
  writer: Writer,
  body = call.json(messageBody),
): Message {
  if (isEmpty(body) && call.files().length === 0) throw emptyMessage()
  checkEmbeds(body)
  const { clock, newId, world, messages } = context
  const message = {
    type: body.message_reference?.message_id === undefined ? 0 : 19,
    id: newId(),
    channel_id: place.id,
    content: body.content ?? "",
    author: writer.author,
    attachments: storeFiles(call, context, place.id, body),
    embeds: (body.embeds ?? []).map((given) => ({ type: "rich", ...given })),
    components: body.components ?? [],
    mentions: mentionsOf(body.content ?? "", context, place),
    mention_roles: [],
    mention_everyone: false,
    pinned: false,
    tts: body.tts ?? false,
    timestamp: timestamp(clock.wallMs()),
    edited_timestamp: null,
    flags: body.flags ?? 0,
    ...(body.nonce === undefined || body.nonce === null ? {} : { nonce: body.nonce }),
    ...referenceFields(body, context, place),
    ...writer.fields,
  } as unknown as Message
  messages.add(message)
  if ((Number(message["flags"]) & EPHEMERAL) === 0)
    context.emit("MESSAGE_CREATE", {
      ...message,
      channel_type: place.type,
      ...guildFields(context, place, message.author.id === world.bot.id),
    })
  return message
}

/** Applies the fields that are given and dispatches MESSAGE_UPDATE. */
export function editMessage(
  call: Call,
  context: RestContext,
  place: Place,
  stored: StoredMessage,
  body = call.json(messageBody),
): Message {
  checkEmbeds(body)
  const { message } = stored
  const keptIds = body.attachments?.map(({ id }) => String(id))
  const kept =
    keptIds === undefined ? message.attachments : message.attachments.filter((one) => keptIds.includes(idOf(one)))
  const changed: Message = {
    ...message,
    ...(body.content === undefined ? {} : { content: body.content ?? "" }),
    ...(body.embeds === undefined ? {} : { embeds: (body.embeds ?? []).map((given) => ({ type: "rich", ...given })) }),
    ...(body.components === undefined ? {} : { components: body.components ?? [] }),
    ...(body.flags === undefined || body.flags === null ? {} : { flags: body.flags }),
    attachments: [...kept, ...storeFiles(call, context, place.id, body)],
    edited_timestamp: timestamp(context.clock.wallMs()),
  }
  if (isEmpty(changed) && changed.attachments.length === 0) throw emptyMessage()
  stored.message = changed
  const own = changed.author.id === context.world.bot.id
  if ((Number(changed["flags"]) & EPHEMERAL) === 0)
    context.emit("MESSAGE_UPDATE", { ...changed, channel_type: place.type, ...guildFields(context, place, own) })
  return shown(stored, context.world.bot.id)
}

export function deleteMessage(context: RestContext, place: Place, id: string): void {
  const { message } = context.messages.get(place.id, id)
  context.messages.remove(place.id, id)
  if ((Number(message["flags"]) & EPHEMERAL) !== 0) return
  context.emit("MESSAGE_DELETE", { id, channel_id: place.id, ...guildIdOf(place) })
}

export function guildIdOf({ guild_id }: Place): { readonly guild_id?: string } {
  return guild_id === undefined ? {} : { guild_id }
}

/** What events about a guild's message have beside the message. */
function guildFields({ world }: RestContext, { guild_id }: Place, own: boolean): object {
  if (guild_id === undefined) return {}
  const bot = own ? world.guild(guild_id)?.members.find(({ user }) => user.id === world.bot.id) : undefined
  return { guild_id, ...(bot === undefined ? {} : { member: partialMember(bot) }) }
}

function storeFiles(call: Call, { attachments }: RestContext, channelId: string, body: MessageBody): object[] {
  return call.files().map((file) => {
    const given = body.attachments?.find(({ id }) => String(id) === String(file.index))
    return attachments.store(channelId, file, given?.description ?? undefined)
  })
}

function referenceFields({ message_reference }: MessageBody, { messages, world }: RestContext, place: Place): object {
  const id = message_reference?.message_id
  if (id === undefined) return {}
  const found = messages.find(message_reference?.channel_id ?? place.id, id)
  if (found === undefined) throw invalidField(["message_reference"], "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
  return {
    message_reference: { type: 0, channel_id: place.id, message_id: id, ...guildIdOf(place) },
    referenced_message: shown(found, world.bot.id),
  }
}

export function mentionsOf(content: string, { world }: RestContext, { guild_id }: Place): object[] {
  if (!content.includes("<@")) return []
  const ids = new Set([...content.matchAll(/<@!?(\d{1,20})>/g)].map(([, id]) => id))
  const members = guild_id === undefined ? [] : (world.guild(guild_id)?.members ?? [])
  return members.filter(({ user }) => ids.has(user.id)).map(({ user }) => user)
}

function idOf(attachment: object): string {
  return "id" in attachment ? String(attachment.id) : ""
}
