// DELETE of a message has limits of its own by the message's age (reported by bots; Discord documents nothing).

import { snowflakeTimeMs } from "../../../discord/snowflake.ts"

export type AgeClass = "new" | "recent" | "old"

const NEW_MS = 10_000
const OLD_MS = 14 * 86_400_000

export const DELETE_ROUTE = "DELETE /channels/:channel/messages/:message"

/** Those that are not the route's own rule. */
export const AGED_LIMITS = [
  [`${DELETE_ROUTE} (new)`, 3, 1_000],
  [`${DELETE_ROUTE} (old)`, 30, 120_000],
] as const

/** `recent`: neither of the others. */
export function ageClass(messageId: string, wallMs: number): AgeClass {
  const ageMs = wallMs - snowflakeTimeMs(messageId)
  if (ageMs < NEW_MS) return "new"
  return ageMs > OLD_MS ? "old" : "recent"
}
