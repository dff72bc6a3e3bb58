// The few payloads that the protocol reads itself, checked where they come in.

import { isDialable } from "../../discord/gateway-url.ts"

/** The longest heartbeat interval we believe; beyond it a dead connection would not be noticed. */
const MAX_HEARTBEAT_INTERVAL_MS = 10 * 60_000

/** The `d` of Hello, or null when it is not one. */
export function readHello(d: unknown): { readonly heartbeatIntervalMs: number } | null {
  const intervalMs = fieldOf(d, "heartbeat_interval")
  if (typeof intervalMs !== "number" || !(intervalMs > 0) || intervalMs > MAX_HEARTBEAT_INTERVAL_MS) return null
  return { heartbeatIntervalMs: intervalMs }
}

/** The session that READY opens, or null when `d` names none. A resume URL that cannot be dialled counts as absent. */
export function readReady(d: unknown): { readonly id: string; readonly resumeUrl: string | null } | null {
  const id = fieldOf(d, "session_id")
  if (typeof id !== "string" || id === "") return null
  const url = fieldOf(d, "resume_gateway_url")
  return { id, resumeUrl: typeof url === "string" && isDialable(url) ? url : null }
}

/** The guilds that READY names; each is told of by a GUILD_CREATE of its own. */
export function readGuildIds(d: unknown): readonly string[] {
  const guilds = fieldOf(d, "guilds")
  if (!Array.isArray(guilds)) return []
  return guilds.map((guild) => fieldOf(guild, "id")).filter((id) => typeof id === "string")
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
}
