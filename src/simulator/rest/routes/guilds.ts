// Guilds, their bans, and what else is asked about a guild as a whole.
// Source: Discord's documentation, Guild Resource.

import { z } from "zod"
import { guildFields } from "../../corpus/guild.ts"
import { NOTHING, ok } from "../answer.ts"
import { missingPermissions } from "../api-error.ts"
import { type Route, route } from "../route.ts"

const changeBody = z.looseObject({ name: z.string().min(2).max(100).optional(), icon: z.string().nullish() })
const banBody = z.looseObject({ delete_message_seconds: z.number().int().min(0).max(604_800).nullish() })

export const guildRoutes: readonly Route[] = [
  route("GET /guilds/:guild", (call, { directory }) => {
    const guild = directory.guild(call.id("guild"))
    if (call.query().get("with_counts") !== "true") return ok(guildFields(guild))
    const counts = {
      approximate_member_count: guild.members.length,
      approximate_presence_count: guild.presences.length,
    }
    return ok({ ...guildFields(guild), ...counts })
  }),
  route("PATCH /guilds/:guild", (call, { directory, world, emit }) => {
    const guild = directory.guild(call.id("guild"))
    const { name } = call.json(changeBody)
    const changed = { ...guild, ...(name === undefined ? {} : { name }) }
    world.replaceGuild(changed)
    emit("GUILD_UPDATE", { ...guildFields(changed), guild_id: guild.id })
    return ok(guildFields(changed))
  }),
  route("GET /guilds/:guild/bans", (call, { directory, bans }) => ok(bans.of(directory.guild(call.id("guild")).id))),
  route("GET /guilds/:guild/bans/:user", (call, { directory, bans }) =>
    ok(bans.get(directory.guild(call.id("guild")).id, call.id("user"))),
  ),
  route("PUT /guilds/:guild/bans/:user", (call, { directory, bans, emit }) => {
    const guild = directory.guild(call.id("guild"))
    call.json(banBody)
    const user = directory.user(call.id("user"))
    if (user.id === guild.ownerId) throw missingPermissions()
    bans.add(guild.id, { user, reason: call.reason() })
    if (guild.members.some((member) => member.user.id === user.id)) {
      directory.removeMember(guild, user.id)
      emit("GUILD_MEMBER_REMOVE", { guild_id: guild.id, user })
    }
    emit("GUILD_BAN_ADD", { guild_id: guild.id, user })
    return NOTHING
  }),
  route("DELETE /guilds/:guild/bans/:user", (call, { directory, bans, emit }) => {
    const guild = directory.guild(call.id("guild"))
    const { user } = bans.get(guild.id, call.id("user"))
    bans.remove(guild.id, user.id)
    emit("GUILD_BAN_REMOVE", { guild_id: guild.id, user })
    return NOTHING
  }),
  route("GET /guilds/:guild/preview", (call, { directory }) => ok(guildFields(directory.guild(call.id("guild"))))),
  route("GET /guilds/:guild/threads/active", (call, { directory }) => {
    directory.guild(call.id("guild"))
    return ok({ threads: [], members: [], has_more: false })
  }),
]
