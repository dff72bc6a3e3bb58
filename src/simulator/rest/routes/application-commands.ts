// The application's commands, global and of a guild.
// Source: Discord's documentation, Application Commands › Endpoints.

import { z } from "zod"
import type { Answer } from "../answer.ts"
import { NOTHING, ok } from "../answer.ts"
import { missingAccess } from "../api-error.ts"
import type { Call } from "../call.ts"
import type { RestContext } from "../context.ts"
import { type Route, route } from "../route.ts"

const CHAT_INPUT = 1
const MAX_COMMANDS = 110
const NAME = /^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$/u

const commandBody = z
  .looseObject({
    name: z.string().min(1).max(32),
    description: z.string().max(100).optional(),
    type: z.number().int().min(1).max(4).default(CHAT_INPUT),
    options: z
      .array(z.looseObject({ name: z.string().min(1).max(32), type: z.number().int() }))
      .max(25)
      .nullish(),
  })
  .refine(({ name, type }) => type !== CHAT_INPUT || (NAME.test(name) && name === name.toLowerCase()), {
    path: ["name"],
    message: "Command name is invalid",
  })
  .refine(({ description, type }) => type !== CHAT_INPUT || (description ?? "") !== "", {
    path: ["description"],
    message: "This field is required",
  })
const changeBody = z.looseObject({
  name: z.string().min(1).max(32).optional(),
  description: z.string().max(100).optional(),
})

export const applicationCommandRoutes: readonly Route[] = ["", "/guilds/:guild"].flatMap((scope) => {
  const all = `/applications/:application${scope}/commands`
  return [
    route(`GET ${all}`, (call, context) => ok(context.commands.of(guildOf(call, context, scope)))),
    route(`POST ${all}`, (call, context): Answer => {
      const { command, isNew } = context.commands.upsert(guildOf(call, context, scope), call.json(commandBody))
      return ok(command, isNew ? 201 : 200)
    }),
    route(`PUT ${all}`, (call, context) =>
      ok(context.commands.replaceAll(guildOf(call, context, scope), call.json(z.array(commandBody).max(MAX_COMMANDS)))),
    ),
    route(`GET ${all}/:command`, (call, context) =>
      ok(context.commands.get(guildOf(call, context, scope), call.id("command"))),
    ),
    route(`PATCH ${all}/:command`, (call, context) =>
      ok(context.commands.change(guildOf(call, context, scope), call.id("command"), call.json(changeBody))),
    ),
    route(`DELETE ${all}/:command`, (call, context) => {
      context.commands.remove(guildOf(call, context, scope), call.id("command"))
      return NOTHING
    }),
  ]
})

/** The scope's guild; empty for global commands. */
function guildOf(call: Call, { world, directory }: RestContext, scope: string): string {
  if (call.id("application") !== world.bot.id) throw missingAccess()
  return scope === "" ? "" : directory.guild(call.id("guild")).id
}
