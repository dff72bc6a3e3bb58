// The REST routes that a client needs to find and enter the gateway, in Discord's shape.
// Source: Discord's documentation, Gateway › Get Gateway Bot; User Resource › Get Current User; API Reference › Errors.

import type { World } from "../corpus/world.ts"
import type { Credentials } from "../gateway/credentials.ts"
import type { IdentifyBudget } from "../gateway/identify-budget.ts"
import type { ClientRecord } from "../record.ts"

export interface RestServices {
  readonly world: World
  readonly shards: number
  readonly gatewayPort: number
  readonly credentials: Credentials
  readonly budget: IdentifyBudget
  readonly record: ClientRecord
}

const VERSIONED = /^\/api(?:\/v\d+)?(\/.*)$/

/** Undefined when the path is not the API's. */
export function restRoute(request: Request, services: RestServices): Response | undefined {
  const url = new URL(request.url)
  const path = VERSIONED.exec(url.pathname)?.[1]
  if (path === undefined) return undefined
  const response = answer(request, path, `ws://${url.hostname}:${services.gatewayPort}`, services)
  services.record.add({ kind: "request", method: request.method, path: url.pathname, status: response.status })
  return response
}

function answer(request: Request, path: string, gatewayUrl: string, services: RestServices): Response {
  if (path === "/gateway") return json({ url: gatewayUrl })
  if (!isAuthorized(request, services.credentials)) return failure(401, "401: Unauthorized")
  const { world, shards, budget } = services
  switch (path) {
    case "/gateway/bot":
      return json({ url: gatewayUrl, shards, session_start_limit: budget.status() })
    case "/users/@me":
      return json({ ...world.bot, email: null, flags: 0, mfa_enabled: true, verified: true, locale: "en-US" })
    case "/oauth2/applications/@me":
    case "/applications/@me":
      return json(application(world))
    default:
      return failure(404, "404: Not Found")
  }
}

function isAuthorized(request: Request, credentials: Credentials): boolean {
  const header = request.headers.get("authorization") ?? ""
  return header.startsWith("Bot ") && credentials.accepts(header)
}

function failure(status: number, message: string): Response {
  return json({ message, code: 0 }, status)
}

/** Discord names no charset, and discord.py parses nothing else. */
function json(body: object, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } })
}

function application({ bot }: World): object {
  return {
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
    approximate_guild_count: 0,
    interactions_endpoint_url: null,
    role_connections_verification_url: null,
  }
}
