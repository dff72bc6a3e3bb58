// Emoji and stickers of a guild. Their POSTs are limited and say nothing about it.
// Source: Discord's documentation, Emoji Resource; Sticker Resource.

import { z } from "zod"
import type { Emoji } from "../../corpus/emoji.ts"
import type { Guild } from "../../corpus/guild.ts"
import { NOTHING, ok } from "../answer.ts"
import { unknown } from "../api-error.ts"
import type { RestContext } from "../context.ts"
import { type Route, route } from "../route.ts"

const name = z.string().min(2).max(32)
const emojiBody = z.looseObject({ name, image: z.string() })
const PNG_STICKER = 1

export const expressionRoutes: readonly Route[] = [
  route("GET /guilds/:guild/emojis", (call, { directory }) => ok(directory.guild(call.id("guild")).emojis)),
  route("GET /guilds/:guild/emojis/:emoji", (call, { directory }) =>
    ok(emojiOf(directory.guild(call.id("guild")), call.id("emoji"))),
  ),
  route("POST /guilds/:guild/emojis", (call, context) => {
    const guild = context.directory.guild(call.id("guild"))
    const emoji: Emoji = {
      id: context.newId(),
      name: call.json(emojiBody).name,
      roles: [],
      require_colons: true,
      managed: false,
      animated: false,
      available: true,
    }
    setEmojis(context, guild, [...guild.emojis, emoji])
    return ok({ ...emoji, user: context.world.bot }, 201)
  }),
  route("PATCH /guilds/:guild/emojis/:emoji", (call, context) => {
    const guild = context.directory.guild(call.id("guild"))
    const known = emojiOf(guild, call.id("emoji"))
    const emoji = { ...known, ...call.json(z.looseObject({ name: name.optional() })) } as Emoji
    setEmojis(
      context,
      guild,
      guild.emojis.map((other) => (other === known ? emoji : other)),
    )
    return ok(emoji)
  }),
  route("DELETE /guilds/:guild/emojis/:emoji", (call, context) => {
    const guild = context.directory.guild(call.id("guild"))
    const known = emojiOf(guild, call.id("emoji"))
    setEmojis(
      context,
      guild,
      guild.emojis.filter((other) => other !== known),
    )
    return NOTHING
  }),
  route("GET /guilds/:guild/stickers", (call, { directory }) => {
    directory.guild(call.id("guild"))
    return ok([])
  }),
  route("POST /guilds/:guild/stickers", (call, { directory, newId, emit }) => {
    const guild = directory.guild(call.id("guild"))
    const {
      name: title,
      description,
      tags,
    } = call.json(z.looseObject({ name, description: z.string(), tags: z.string() }))
    const kind = { type: 2, format_type: PNG_STICKER, available: true, guild_id: guild.id }
    const sticker = { id: newId(), name: title, description, tags, ...kind }
    emit("GUILD_STICKERS_UPDATE", { guild_id: guild.id, stickers: [sticker] })
    return ok(sticker, 201)
  }),
]

function emojiOf(guild: Guild, id: string): Emoji {
  const emoji = guild.emojis.find((candidate) => candidate.id === id)
  if (emoji === undefined) throw unknown("emoji")
  return emoji
}

function setEmojis({ world, emit }: RestContext, guild: Guild, emojis: readonly Emoji[]): void {
  world.replaceGuild({ ...guild, emojis })
  emit("GUILD_EMOJIS_UPDATE", { guild_id: guild.id, emojis })
}
