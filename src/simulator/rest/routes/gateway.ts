// The gateway's address, and who the bot is.
// Source: Discord's documentation, Gateway › Get Gateway, Get Gateway Bot; Application Resource.

import { z } from "zod"
import { ok } from "../answer.ts"
import type { Call } from "../call.ts"
import type { RestContext } from "../context.ts"
import { type Route, route } from "../route.ts"

const application = (_: Call, { world: { bot, guildIds } }: RestContext) =>
  ok({
    id: bot.id,
    name: bot.username,
    icon: null,
    description: "",
    type: null,
    bot,
    summary: "",
    bot_public: true,
    bot_require_code_grant: false,
    flags: 565_248,
    hook: true,
    verify_key: "0".repeat(64),
    owner: bot,
    team: null,
    redirect_uris: [],
    tags: [],
    approximate_guild_count: guildIds.length,
    interactions_endpoint_url: null,
    role_connections_verification_url: null,
  })

export const gatewayRoutes: readonly Route[] = [
  route("GET /gateway", (call, { gatewayUrl }) => ok({ url: gatewayUrl(hostOf(call)) }), "open"),
  route("GET /gateway/bot", (call, { gatewayUrl, shards, budget }) =>
    ok({ url: gatewayUrl(hostOf(call)), shards, session_start_limit: budget.status() }),
  ),
  route("GET /oauth2/applications/@me", application),
  route("GET /applications/@me", application),
  route("PATCH /applications/@me", (call, context) => {
    call.json(z.looseObject({}))
    return application(call, context)
  }),
]

/** The host name that the client knows this server by. */
function hostOf({ head }: Call): string {
  return (head.headers.get("host") ?? "127.0.0.1").replace(/:\d+$/, "")
}
