// Members of a guild, and their roles.
// Source: Discord's documentation, Guild Resource › Get Guild Member and the following.

import { z } from "zod"
import type { Guild } from "../../corpus/guild.ts"
import type { Member } from "../../corpus/user.ts"
import type { Answer } from "../answer.ts"
import { NOTHING, ok, okFrozen } from "../answer.ts"
import { missingPermissions, unknown } from "../api-error.ts"
import type { Call } from "../call.ts"
import type { RestContext } from "../context.ts"
import { type Route, route } from "../route.ts"

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(1),
  after: z
    .string()
    .regex(/^\d{1,20}$/)
    .default("0"),
})
const searchQuery = z.object({ query: z.string(), limit: z.coerce.number().int().min(1).max(1_000).default(1) })
const changeBody = z.looseObject({
  nick: z.string().max(32).nullish(),
  roles: z.array(z.string()).nullish(),
  mute: z.boolean().nullish(),
  deaf: z.boolean().nullish(),
  channel_id: z.string().nullish(),
  communication_disabled_until: z.string().nullish(),
})

export const memberRoutes: readonly Route[] = [
  route("GET /guilds/:guild/members", (call, { directory }) => {
    const guild = directory.guild(call.id("guild"))
    const { limit, after } = call.parameters(listQuery)
    const sorted = guild.members.filter(({ user }) => BigInt(user.id) > BigInt(after))
    sorted.sort((a, b) => (BigInt(a.user.id) < BigInt(b.user.id) ? -1 : 1))
    return ok(sorted.slice(0, limit))
  }),
  route("GET /guilds/:guild/members/search", (call, { directory }) => {
    const guild = directory.guild(call.id("guild"))
    const { query, limit } = call.parameters(searchQuery)
    const prefix = query.toLowerCase()
    const found = guild.members.filter(
      ({ nick, user }) => user.username.startsWith(prefix) || nick?.toLowerCase().startsWith(prefix),
    )
    return ok(found.slice(0, limit))
  }),
  route("GET /guilds/:guild/members/:member", (call, { directory }) =>
    okFrozen(directory.member(directory.guild(call.id("guild")), call.id("member"))),
  ),
  route("PATCH /guilds/:guild/members/@me", (call, context) => {
    const guild = context.directory.guild(call.id("guild"))
    const { nick } = call.json(z.looseObject({ nick: z.string().max(32).nullish() }))
    return ok(change(context, guild, context.world.bot.id, (member) => ({ ...member, nick: nick ?? null })))
  }),
  route("PATCH /guilds/:guild/members/:member", (call, context) => {
    const guild = context.directory.guild(call.id("guild"))
    const { channel_id: _, ...body } = call.json(changeBody)
    const id = call.id("member")
    context.directory.member(guild, id)
    if (id === guild.ownerId) throw missingPermissions()
    for (const role of body.roles ?? []) if (!guild.roles.some((known) => known.id === role)) throw unknown("role")
    return ok(change(context, guild, id, (member) => ({ ...member, ...body }) as Member))
  }),
  route("DELETE /guilds/:guild/members/:member", (call, { directory, emit }) => {
    const guild = directory.guild(call.id("guild"))
    const { user } = directory.member(guild, call.id("member"))
    if (user.id === guild.ownerId) throw missingPermissions()
    directory.removeMember(guild, user.id)
    emit("GUILD_MEMBER_REMOVE", { guild_id: guild.id, user })
    return NOTHING
  }),
  route("PUT /guilds/:guild/members/:member/roles/:role", (call, context) =>
    changeRoles(call, context, (roles, role) => (roles.includes(role) ? roles : [...roles, role])),
  ),
  route("DELETE /guilds/:guild/members/:member/roles/:role", (call, context) =>
    changeRoles(call, context, (roles, role) => roles.filter((id) => id !== role)),
  ),
]

function changeRoles(
  call: Call,
  context: RestContext,
  changed: (roles: readonly string[], role: string) => readonly string[],
): Answer {
  const guild = context.directory.guild(call.id("guild"))
  const role = call.id("role")
  if (!guild.roles.some(({ id }) => id === role)) throw unknown("role")
  change(context, guild, call.id("member"), (member) => ({ ...member, roles: changed(member.roles, role) }))
  return NOTHING
}

function change(
  { directory, emit }: RestContext,
  guild: Guild,
  id: string,
  changed: (member: Member) => Member,
): Member {
  const member = changed(directory.member(guild, id))
  directory.setMember(guild, member)
  emit("GUILD_MEMBER_UPDATE", { guild_id: guild.id, ...member })
  return member
}
