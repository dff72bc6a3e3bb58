// Channels: read, create, change, delete, and their overwrites.
// Source: Discord's documentation, Channel Resource; Guild Resource › Create Guild Channel.

import { z } from "zod"
import type { Channel } from "../../corpus/channel.ts"
import type { Answer } from "../answer.ts"
import { NOTHING, ok, okFrozen } from "../answer.ts"
import { unknown } from "../api-error.ts"
import type { Call } from "../call.ts"
import type { RestContext } from "../context.ts"
import { type Route, route } from "../route.ts"

const name = z.string().min(1).max(100)
const fields = {
  topic: z.string().max(1_024).nullish(),
  position: z.number().int().min(0).nullish(),
  nsfw: z.boolean().nullish(),
  rate_limit_per_user: z.number().int().min(0).max(21_600).nullish(),
  parent_id: z.string().nullish(),
}
const changeBody = z.looseObject({ name: name.optional(), ...fields })
const createBody = z.looseObject({
  name,
  type: z.union([z.literal(0), z.literal(2), z.literal(4)]).default(0),
  ...fields,
})
const positionsBody = z.array(z.looseObject({ id: z.string(), position: z.number().int().nullish() }))
const overwriteBody = z.looseObject({
  type: z.union([z.literal(0), z.literal(1)]),
  allow: z.union([z.string(), z.number()]).nullish(),
  deny: z.union([z.string(), z.number()]).nullish(),
})

export const channelRoutes: readonly Route[] = [
  route("GET /channels/:channel", (call, { directory }) => okFrozen(directory.place(call.id("channel")))),
  route("PATCH /channels/:channel", (call, context) => {
    const changes = call.json(changeBody)
    return ok(change(context, call.id("channel"), (channel) => ({ ...channel, ...changes }) as Channel))
  }),
  route("DELETE /channels/:channel", remove),
  route("PUT /channels/:channel/permissions/:overwrite", (call, context) => {
    const { type, allow, deny } = call.json(overwriteBody)
    const overwrite = { id: call.id("overwrite"), type, allow: String(allow ?? 0), deny: String(deny ?? 0) }
    change(context, call.id("channel"), (channel) => ({
      ...channel,
      permission_overwrites: [...channel.permission_overwrites.filter(({ id }) => id !== overwrite.id), overwrite],
    }))
    return NOTHING
  }),
  route("DELETE /channels/:channel/permissions/:overwrite", (call, context) => {
    const gone = call.id("overwrite")
    change(context, call.id("channel"), (channel) => ({
      ...channel,
      permission_overwrites: channel.permission_overwrites.filter(({ id }) => id !== gone),
    }))
    return NOTHING
  }),
  route("GET /guilds/:guild/channels", (call, { directory }) => okFrozen(directory.guild(call.id("guild")).channels)),
  route("POST /guilds/:guild/channels", create),
  route("PATCH /guilds/:guild/channels", (call, context) => {
    const guild = context.directory.guild(call.id("guild"))
    for (const { id, position } of call.json(positionsBody)) {
      if (!guild.channels.some((channel) => channel.id === id)) throw unknown("channel")
      if (typeof position === "number") change(context, id, (channel) => ({ ...channel, position }))
    }
    return NOTHING
  }),
]

/** Changes a guild's channel and dispatches CHANNEL_UPDATE. A direct message's stays as it is. */
function change({ directory, emit }: RestContext, id: string, changed: (channel: Channel) => Channel): object {
  const guild = directory.guildOfChannel(id)
  const known = guild?.channels.find((channel) => channel.id === id)
  if (guild === undefined || known === undefined) return directory.place(id)
  const channel = changed(known)
  directory.setChannels(
    guild,
    guild.channels.map((other) => (other === known ? channel : other)),
  )
  const place = directory.placeOf(guild, channel)
  emit("CHANNEL_UPDATE", place)
  return place
}

function create(call: Call, { directory, emit, newId, clock }: RestContext): Answer {
  const guild = directory.guild(call.id("guild"))
  const body = call.json(createBody)
  const channel: Channel = {
    permission_overwrites: [],
    ...body,
    id: newId(),
    position: body.position ?? guild.channels.length,
    parent_id: body.parent_id ?? null,
    flags: 0,
    version: clock.wallMs(),
  }
  directory.setChannels(guild, [...guild.channels, channel])
  const place = directory.placeOf(guild, channel)
  emit("CHANNEL_CREATE", place)
  return ok(place, 201)
}

function remove(call: Call, { directory, emit, messages }: RestContext): Answer {
  const place = directory.place(call.id("channel"))
  if (place.guild_id === undefined) return ok(place)
  const guild = directory.guild(place.guild_id)
  directory.setChannels(
    guild,
    guild.channels.filter(({ id }) => id !== place.id),
  )
  messages.forgetChannel(place.id)
  emit("CHANNEL_DELETE", place)
  return ok(place)
}
