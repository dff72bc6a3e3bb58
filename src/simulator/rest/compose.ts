// Messages that a bot writes: what Discord checks of them, and the message object that comes of it.
// Source: Discord's documentation, Message Resource › Create Message.

import { z } from "zod"
import { timestamp } from "../corpus/ids.ts"
import type { Message } from "../corpus/message.ts"
import { partialMember } from "../corpus/user.ts"
import { emptyMessage, invalidField } from "./api-error.ts"
import type { Call } from "./call.ts"
import type { RestContext } from "./context.ts"
import type { Place } from "./state/directory.ts"
import { type StoredMessage, shown } from "./state/messages.ts"

const MAX_EMBED_CHARACTERS = 6_000
const EPHEMERAL = 1 << 6

const text = (max: number) => z.string().max(max).nullish()
const embed = z.looseObject({
  title: text(256),
  description: text(4_096),
  footer: z.looseObject({ text: z.string().max(2_048) }).nullish(),
  author: z.looseObject({ name: z.string().max(256) }).nullish(),
  fields: z
    .array(z.looseObject({ name: z.string().min(1).max(256), value: z.string().min(1).max(1_024) }))
    .max(25)
    .nullish(),
})
const snowflake = z.union([z.string().regex(/^\d{1,20}$/), z.number().int().transform(String)])

export const messageBody = z.looseObject({
  content: text(2_000),
  nonce: z.union([z.string().max(25), z.number().int()]).nullish(),
  tts: z.boolean().nullish(),
  embeds: z.array(embed).max(10).nullish(),
  components: z.array(z.looseObject({})).max(40).nullish(),
  sticker_ids: z.array(snowflake).max(3).nullish(),
  attachments: z
    .array(z.looseObject({ id: z.union([z.string(), z.number()]).optional(), description: text(1_024) }))
    .max(10)
    .nullish(),
  message_reference: z.looseObject({ message_id: snowflake.optional(), channel_id: snowflake.optional() }).nullish(),
  flags: z.number().int().nullish(),
  poll: z.looseObject({}).nullish(),
})
export type MessageBody = z.output<typeof messageBody>

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

function isEmpty(body: object): boolean {
  const { content, embeds, components, sticker_ids, poll } = body as Partial<MessageBody>
  const lists = [embeds, components, sticker_ids]
  return !content?.trim() && lists.every((list) => (list?.length ?? 0) === 0) && (poll ?? null) === null
}

function checkEmbeds({ embeds }: MessageBody): void {
  let characters = 0
  for (const one of embeds ?? []) {
    characters += (one.title?.length ?? 0) + (one.description?.length ?? 0) + (one.footer?.text.length ?? 0)
    characters += one.author?.name.length ?? 0
    for (const { name, value } of one.fields ?? []) characters += name.length + value.length
  }
  if (characters > MAX_EMBED_CHARACTERS)
    throw invalidField(
      ["embeds"],
      "MAX_EMBED_SIZE_EXCEEDED",
      `Embed size exceeds maximum size of ${MAX_EMBED_CHARACTERS}`,
    )
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

function mentionsOf(content: string, { world }: RestContext, { guild_id }: Place): object[] {
  if (!content.includes("<@")) return []
  const ids = new Set([...content.matchAll(/<@!?(\d{1,20})>/g)].map(([, id]) => id))
  const members = guild_id === undefined ? [] : (world.guild(guild_id)?.members ?? [])
  return members.filter(({ user }) => ids.has(user.id)).map(({ user }) => user)
}

function idOf(attachment: object): string {
  return "id" in attachment ? String(attachment.id) : ""
}
