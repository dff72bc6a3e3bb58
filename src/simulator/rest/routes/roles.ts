// Roles of a guild.
// Source: Discord's documentation, Guild Resource › Get Guild Roles and the following.

import { z } from "zod"
import type { Guild } from "../../corpus/guild.ts"
import type { Role } from "../../corpus/role.ts"
import { NOTHING, ok, okFrozen } from "../answer.ts"
import { invalidRole, unknown } from "../api-error.ts"
import { type Route, route } from "../route.ts"

const roleBody = z.looseObject({
  name: z.string().min(1).max(100).nullish(),
  permissions: z.union([z.string(), z.number().transform(String)]).nullish(),
  color: z.number().int().min(0).max(0xffffff).nullish(),
  hoist: z.boolean().nullish(),
  mentionable: z.boolean().nullish(),
})
const positionsBody = z.array(z.looseObject({ id: z.string(), position: z.number().int().nullish() }))

export const roleRoutes: readonly Route[] = [
  route("GET /guilds/:guild/roles", (call, { directory }) => okFrozen(directory.guild(call.id("guild")).roles)),
  route("GET /guilds/:guild/roles/:role", (call, { directory }) =>
    ok(roleOf(directory.guild(call.id("guild")), call.id("role"))),
  ),
  route("POST /guilds/:guild/roles", (call, { directory, world, emit, newId }) => {
    const guild = directory.guild(call.id("guild"))
    const { name, permissions, color, hoist, mentionable } = call.json(roleBody)
    const role: Role = {
      id: newId(),
      name: name ?? "new role",
      description: null,
      permissions: permissions ?? guild.roles[0]?.permissions ?? "0",
      position: 1,
      color: color ?? 0,
      colors: { primary_color: color ?? 0, secondary_color: null, tertiary_color: null },
      hoist: hoist ?? false,
      managed: false,
      mentionable: mentionable ?? false,
      icon: null,
      unicode_emoji: null,
      flags: 0,
    }
    world.replaceGuild({ ...guild, roles: [...guild.roles, role] })
    emit("GUILD_ROLE_CREATE", { guild_id: guild.id, role })
    return ok(role)
  }),
  route("PATCH /guilds/:guild/roles", (call, { directory, world, emit }) => {
    const guild = directory.guild(call.id("guild"))
    const places = new Map(call.json(positionsBody).map(({ id, position }) => [id, position]))
    for (const id of places.keys()) roleOf(guild, id)
    const roles = guild.roles.map((role) => ({ ...role, position: places.get(role.id) ?? role.position }))
    world.replaceGuild({ ...guild, roles })
    for (const role of roles) if (places.has(role.id)) emit("GUILD_ROLE_UPDATE", { guild_id: guild.id, role })
    return ok(roles)
  }),
  route("PATCH /guilds/:guild/roles/:role", (call, { directory, world, emit }) => {
    const guild = directory.guild(call.id("guild"))
    const known = roleOf(guild, call.id("role"))
    const role = { ...known, ...call.json(roleBody) } as Role
    world.replaceGuild({ ...guild, roles: guild.roles.map((other) => (other === known ? role : other)) })
    emit("GUILD_ROLE_UPDATE", { guild_id: guild.id, role })
    return ok(role)
  }),
  route("DELETE /guilds/:guild/roles/:role", (call, { directory, world, emit }) => {
    const guild = directory.guild(call.id("guild"))
    const role = roleOf(guild, call.id("role"))
    if (role.id === guild.id || role.managed) throw invalidRole()
    world.replaceGuild({
      ...guild,
      roles: guild.roles.filter((other) => other !== role),
      members: guild.members.map((member) =>
        member.roles.includes(role.id) ? { ...member, roles: member.roles.filter((id) => id !== role.id) } : member,
      ),
    })
    emit("GUILD_ROLE_DELETE", { guild_id: guild.id, role_id: role.id })
    return NOTHING
  }),
]

function roleOf(guild: Guild, id: string): Role {
  const role = guild.roles.find((candidate) => candidate.id === id)
  if (role === undefined) throw unknown("role")
  return role
}
