// Asks Discord in how many guilds the bot is.
// Source: Discord's documentation, Application Resource › Get Current Application (approximate_guild_count).

import { z } from "zod"
import { type GatewayBotOptions, USER_AGENT } from "./gateway-bot.ts"

const TIMEOUT_MS = 15_000
const APPLICATION = z.object({ approximate_guild_count: z.int().min(0) })

/** @returns null where Discord does not say */
export async function fetchGuildCount({ apiUrl, token, fetch, signal }: GatewayBotOptions): Promise<number | null> {
  const headers = { Authorization: `Bot ${token()}`, "User-Agent": USER_AGENT }
  const asked = fetch(`${apiUrl}/applications/@me`, {
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  })
  const body: unknown = await asked.then((response) => (response.ok ? response.json() : null)).catch(() => null)
  const application = APPLICATION.safeParse(body)
  return application.success ? application.data.approximate_guild_count : null
}
