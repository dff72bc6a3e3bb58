// The bot's own user, other users, and direct messages.
// Source: Discord's documentation, User Resource.

import { z } from "zod"
import { ok, okFrozen } from "../answer.ts"
import { invalidField } from "../api-error.ts"
import { type Route, route } from "../route.ts"

const MAX_GUILDS = 200
const OWN_FIELDS = { email: null, flags: 0, mfa_enabled: true, verified: true, locale: "en-US" }
const own = new WeakMap<object, object>()

export const userRoutes: readonly Route[] = [
  route("GET /users/@me", (_, { world: { bot } }) => okFrozen(ownUser(bot))),
  route("PATCH /users/@me", (call, { world: { bot } }) => {
    const { username } = call.json(z.looseObject({ username: z.string().min(2).max(32).optional() }))
    return ok({ ...ownUser(bot), ...(username === undefined ? {} : { username }) })
  }),
  route("GET /users/@me/guilds", (call, { world }) => {
    const query = call.query()
    const limit = Number(query.get("limit") ?? MAX_GUILDS)
    if (!(limit >= 1 && limit <= MAX_GUILDS))
      throw invalidField(["limit"], "NUMBER_TYPE_MAX", `int value should be less than or equal to ${MAX_GUILDS}.`)
    const after = BigInt(query.get("after") ?? "0")
    const ids = [...world.guildIds].filter((id) => BigInt(id) > after).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))
    const guilds = ids.slice(0, limit).map((id) => world.guild(id))
    return ok(
      guilds.map((guild) => ({
        id: guild?.id,
        name: guild?.name,
        icon: guild?.icon,
        banner: null,
        owner: false,
        permissions: "2222085186637376",
        features: [],
      })),
    )
  }),
  route("POST /users/@me/channels", (call, { directory }) => {
    const { recipient_id } = call.json(
      z.looseObject({ recipient_id: z.union([z.string(), z.number().transform(String)]) }),
    )
    return ok(directory.direct(directory.user(recipient_id)))
  }),
  route("GET /users/:user", (call, { directory }) => okFrozen(directory.user(call.id("user")))),
]

function ownUser(bot: object): object {
  const known = own.get(bot) ?? { ...bot, ...OWN_FIELDS }
  own.set(bot, known)
  return known
}
